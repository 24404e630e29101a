"""Notes on tuning a CNN of four convolutions: where to normalize, how wide, and whether the learning rate decays."""

import msgspec

from spaces.configuration import BatchNorm, Block, Configuration, Dropout, Inputs, Optimizer, Schedule
from spaces.published.experiment import Arm, Article, Experiment

ARTICLE = Article(
    "keras-cnn-tuning-notes",
    "CIFAR-10 with Keras and a CNN, part 3: notes on tuning",
    original_title="Keras+CNNでCIFAR-10の画像分類 その3",
)
SHARE = 0.1
LAST_TENTH = "the article validated on the last tenth of the training images, which is drawn at random here"
SOURCE = "notes on tuning, old Keras"
ADADELTA = Optimizer("adadelta", 1.0)
ADADELTA_DECAYING = Optimizer("adadelta", 1.0, schedule=Schedule("inverse_time", 1e-4))


def network(last: int, batch_norm: BatchNorm, optimizer: Optimizer = ADADELTA_DECAYING) -> Configuration:
    """Two blocks of two convolutions, of which the last two have `last` filters each."""
    return Configuration(
        blocks=(Block((32, 64), 3, "valid"), Block((last, last), 3, "valid")),
        dense=(512,),
        batch_norm=batch_norm,
        dropout=(Dropout("after_pooling", 0.25), Dropout("before_output", 0.5)),
        optimizer=optimizer,
        inputs=Inputs("zca"),
    )


def test_scores(accuracy: float, loss: float) -> dict[str, float]:
    """Published scores on the test images."""
    return {"test_accuracy": accuracy, "test_loss": loss}


BEFORE = BatchNorm("before_activation")
MODEL2 = Arm("model2", network(64, BatchNorm()), test_scores(0.8159, 0.7734), 918_090, SOURCE)

ARMS = (
    MODEL2,
    Arm(
        "model3",
        network(128, BatchNorm()),
        test_scores(0.8178, 0.8248),
        1_884_874,
        f"{SOURCE}; wider third and fourth convolution",
    ),
    Arm(
        "model5",
        network(64, BatchNorm("after_activation", convolutions="last")),
        test_scores(0.8277, 0.7384),
        918_602,
        f"{SOURCE}; normalized after the activation of each block's last convolution",
    ),
    Arm(
        "model6",
        network(64, BEFORE),
        test_scores(0.8389, 0.6376),
        918_986,
        f"{SOURCE}; normalized between every convolution and its activation",
    ),
    Arm("model7", network(128, BEFORE), test_scores(0.846, 0.693), 1_886_282, f"{SOURCE}; model6, wider"),
    Arm(
        "model8",
        network(128, BEFORE, optimizer=ADADELTA),
        test_scores(0.838, 0.9963),
        1_886_282,
        f"{SOURCE}; model7 without decay of the learning rate",
    ),
)

NARROW_ARMS = (
    msgspec.structs.replace(MODEL2, source=f"{SOURCE}; its scores are those after 80 epochs"),
    Arm(
        "model4",
        Configuration(
            blocks=(Block((16, 32), 3, "valid"), Block((32, 32), 3, "valid")),
            dense=(512,),
            batch_norm=BatchNorm("after_pooling", blocks=1),
            dropout=(Dropout("after_pooling", 0.5), Dropout("before_output", 0.5)),
            optimizer=ADADELTA,
            inputs=Inputs("zca"),
        ),
        test_scores(0.779, 0.715),
        438_954,
        f"{SOURCE}; narrow, every dropout 0.5, one normalization after the first block's dropout, no decay",
    ),
)

WHITENING_ARMS = (
    MODEL2,
    Arm(
        "model2_scaled",
        msgspec.structs.replace(MODEL2.configuration, inputs=Inputs("scaled")),
        {"test_accuracy": 0.74},
        918_090,
        f"{SOURCE}; 74 % before whitening is said without naming the network: model2 assumed",
    ),
)

EXPERIMENTS = (
    Experiment(
        article=ARTICLE.name,
        name="batch_norm_and_width",
        question="Normalizing before or after the activation, wider layers, a decaying learning rate: what helps?",
        dataset="cifar10",
        epochs=80,
        batch_size=64,
        arms=ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
    Experiment(
        article=ARTICLE.name,
        name="narrow",
        question="Does a narrow network with strong dropout and one normalization come up to a wider one?",
        dataset="cifar10",
        epochs=160,
        batch_size=64,
        arms=NARROW_ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
    Experiment(
        article=ARTICLE.name,
        name="whitening",
        question="What does ZCA whitening of the images change?",
        dataset="cifar10",
        epochs=80,
        batch_size=64,
        arms=WHITENING_ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
)
