"""An article on batch normalization combined with dropout: the second before or after the first."""

from collections.abc import Mapping

from spaces.configuration import BatchNorm, BatchNormPosition, Configuration, Dropout, DropoutPosition
from spaces.published.experiment import Arm, Article, Experiment

ARTICLE = Article(
    "bn-and-dropout",
    "Improving a Keras CNN, part 3: batch normalization combined with dropout",
    original_title="Tensorflow・kerasで構築したCNNの性能改善を行ってみる(その3 BatchNormaliztionとDropoutの組み合わせ)",
    author="kazuboy",
    url="https://qiita.com/kazuboy/items/c04ef5a66297bbfd0dba",
)
SOURCE = (
    "TensorFlow 2.0; the network isn't printed: the textbook's; Adam, and where it isn't given a rate of 0.25, assumed"
)


OURS = "the article's claim, for which it has no run: the arms differ in the order alone"


def ordered(batch_norm: BatchNormPosition, dropout: DropoutPosition) -> Configuration:
    """Dropout directly before or after each normalization."""
    return Configuration(batch_norm=BatchNorm(batch_norm), dropout=(Dropout(dropout, 0.25),))


ARMS = (
    Arm(
        "bn_after_conv__dropout_dense",
        Configuration(batch_norm=BatchNorm("after_activation"), dropout=(Dropout("before_output", 0.25),)),
        {"train_accuracy": 0.9151, "val_accuracy": 0.7759, "val_loss": 0.8905, "test_accuracy": 0.741},
        None,
        f"{SOURCE}; dropout before the last dense layer",
    ),
    Arm(
        "dropout_then_bn_a",
        ordered("before_activation", "before_normalization"),
        {"train_accuracy": 0.8612, "val_accuracy": 0.7644, "val_loss": 0.7979},
        None,
        f"{SOURCE}; read as convolution, dropout, normalization, activation, pooling",
    ),
    Arm(
        "dropout_then_bn_b",
        ordered("after_activation", "before_normalization"),
        {"train_accuracy": 0.8606, "val_accuracy": 0.7604, "val_loss": 0.7728},
        None,
        f"{SOURCE}; read as convolution, activation, dropout, normalization, pooling",
    ),
)

ORDERS: Mapping[str, DropoutPosition] = {
    "dropout_then_bn": "before_normalization",
    "bn_then_dropout": "after_normalization",
}
PLACES: tuple[BatchNormPosition, ...] = ("before_activation", "after_activation")
CLAIM_ARMS = tuple(
    Arm(f"{order}_{place}", ordered(place, position), {}, None, OURS)
    for place in PLACES
    for order, position in ORDERS.items()
)

EXPERIMENTS = (
    Experiment(
        article=ARTICLE.name,
        name="order",
        question="If dropout is used with batch normalization, does it belong after it?",
        dataset="cifar10",
        epochs=10,
        batch_size=32,
        arms=ARMS,
    ),
    Experiment(
        article=ARTICLE.name,
        name="claim",
        question="With batch normalization and dropout next to each other, does dropout belong after it?",
        dataset="cifar10",
        epochs=10,
        batch_size=32,
        arms=CLAIM_ARMS,
    ),
)
