"""An article on batch normalisation combined with dropout: the second before or after the first."""

from spaces.configuration import BatchNorm, BatchNormPosition, Configuration, Dropout
from spaces.published.experiment import Arm, Experiment

SOURCE = (
    "TensorFlow 2.0; the network isn't printed: the textbook's; Adam, and where it isn't given a rate of 0.25, assumed"
)


def dropout_then_bn(position: BatchNormPosition) -> Configuration:
    """Dropout directly before each normalisation."""
    return Configuration(batch_norm=BatchNorm(position), dropout=(Dropout("before_normalization", 0.25),))


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
        dropout_then_bn("before_activation"),
        {"train_accuracy": 0.8612, "val_accuracy": 0.7644, "val_loss": 0.7979},
        None,
        f"{SOURCE}; read as convolution, dropout, normalisation, activation, pooling",
    ),
    Arm(
        "dropout_then_bn_b",
        dropout_then_bn("after_activation"),
        {"train_accuracy": 0.8606, "val_accuracy": 0.7604, "val_loss": 0.7728},
        None,
        f"{SOURCE}; read as convolution, activation, dropout, normalisation, pooling",
    ),
)

EXPERIMENTS = (
    Experiment(
        article="bn-and-dropout",
        name="order",
        question="If dropout is used beside batch normalisation, does it belong after it?",
        dataset="cifar10",
        epochs=10,
        batch_size=32,
        arms=ARMS,
    ),
)
