"""An article on MNIST with true and with shuffled labels: what a network can learn by heart."""

from collections.abc import Mapping

import msgspec

from spaces.configuration import Block, Configuration, Dropout, EarlyStopping
from spaces.published.experiment import Arm, Article, Experiment, scores

ARTICLE = Article(
    "mnist-memorisation",
    "MNIST with dense networks and CNNs, true and shuffled labels",
    author="derbuihan",
    url="https://derbuihan.github.io/posts/mnist_experiment",
)
SHARE = 0.1
LAST_TENTH = "the article validated on the last tenth of the training images, which is drawn at random here"
SOURCE = "TensorFlow 2.4"
QUARTER = (Dropout("before_output", 0.25),)
DENSE_512 = Configuration(blocks=(), dense=(512,), dropout=QUARTER)
DENSE_2048 = Configuration(blocks=(), dense=(2048,), dropout=QUARTER)
CONV_1 = Configuration(blocks=(Block((16,), 5),), dense=(512,), dropout=QUARTER)
CONV_2 = Configuration(
    blocks=(Block((32, 32)), Block((64, 64, 64)), Block((128, 128, 128))),
    dense=(512,),
    dropout=(Dropout("after_pooling", 0.25), *QUARTER),
)


TRUE_ARMS = (
    Arm("dense_512", DENSE_512, scores(0.9975, 0.0102, 0.9847, 0.141), 407_050, SOURCE),
    Arm("dense_2048", DENSE_2048, scores(0.9975, 0.0144, 0.9833, 0.2275), 1_628_170, SOURCE),
    Arm("conv_1", CONV_1, scores(0.9994, 0.0027, 0.9879, 0.1221), 1_611_690, SOURCE),
    Arm("conv_2", CONV_2, scores(0.9899, 0.0374, 0.9934, 0.0138), 1_066_410, SOURCE),
)


def shuffled(arm: Arm, published: Mapping[str, float]) -> Arm:
    """The arm on labels that say nothing about the images."""
    configuration = msgspec.structs.replace(arm.configuration, shuffled_labels=True)
    return Arm(f"{arm.name}_shuffled", configuration, published, arm.params, f"{arm.source}; labels shuffled")


SHUFFLED_SCORES = (
    scores(0.5025, 1.2545, 0.1138, 8.9777),
    scores(0.7322, 0.7056, 0.1152, 8.0285),
    scores(0.9918, 0.0328, 0.1016, 13.3561),
    scores(0.1102, 2.3015, 0.1135, 2.301),
)
SHUFFLED_ARMS = tuple(shuffled(arm, scores) for arm, scores in zip(TRUE_ARMS, SHUFFLED_SCORES, strict=True))

WITHOUT_DROPOUT_ARMS = (
    SHUFFLED_ARMS[-1],
    Arm(
        "conv_2_without_dropout_shuffled",
        msgspec.structs.replace(SHUFFLED_ARMS[-1].configuration, dropout=()),
        {},
        SHUFFLED_ARMS[-1].params,
        f"{SOURCE}; labels shuffled; said in words alone: it doesn't learn them either",
    ),
)

STOPPING_ARMS = (
    TRUE_ARMS[0],
    Arm(
        "dense_512_stopping_early",
        msgspec.structs.replace(DENSE_512, early_stopping=EarlyStopping()),
        {},
        TRUE_ARMS[0].params,
        f"{SOURCE}; no numbers; a patience of 3 epochs on the validation loss assumed",
    ),
)

EXPERIMENTS = (
    Experiment(
        article=ARTICLE.name,
        name="true_labels",
        question="Dense or convolutional, small or large: how well do they generalize?",
        dataset="mnist",
        epochs=50,
        batch_size=32,
        arms=TRUE_ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
    Experiment(
        article=ARTICLE.name,
        name="shuffled_labels",
        question="Can the same networks learn labels by heart that say nothing about the images?",
        dataset="mnist",
        epochs=500,
        batch_size=32,
        arms=SHUFFLED_ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
    Experiment(
        article=ARTICLE.name,
        name="conv_2_without_dropout",
        question="Is it dropout that keeps the largest network from learning shuffled labels by heart?",
        dataset="mnist",
        epochs=500,
        batch_size=32,
        arms=WITHOUT_DROPOUT_ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
    Experiment(
        article=ARTICLE.name,
        name="early_stopping",
        question="Does stopping early generalize as well as training to the end?",
        dataset="mnist",
        epochs=50,
        batch_size=32,
        arms=STOPPING_ARMS,
        validation_share=SHARE,
        images=LAST_TENTH,
    ),
)
