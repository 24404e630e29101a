"""Dense networks: how far does one get without convolutions?"""

from collections.abc import Mapping

from spaces.activation import LEAKY_SLOPE, suggest_activation
from spaces.configuration import Configuration, Scalar
from spaces.dropout import suggest_dropout
from spaces.learning_rate import suggest_adam
from spaces.space import Baseline, Space, Trial, choose

UNITS = (128, 256, 512, 1024, 2048)


def suggest(trial: Trial) -> Configuration:
    """One to three dense layers of the same width."""
    layers = trial.suggest_int("layers", 1, 3)
    return Configuration(
        blocks=(),
        dense=(choose(trial, "units", UNITS),) * layers,
        activation=suggest_activation(trial, ("relu", "leaky_relu", "gelu")),
        negative_slope=LEAKY_SLOPE,
        dropout=suggest_dropout(trial, ("before_every_dense", "before_output")),
        optimizer=suggest_adam(trial),
    )


_PUBLISHED: Mapping[str, Scalar] = {
    "layers": 1,
    "activation": "relu",
    "dropout_position": "before_output",
    "dropout_rate": 0.25,
    "learning_rate": 1e-3,
}

space = Space(
    name="mnist_dense",
    question="How far does a dense network get on handwritten digits, and how large must it be?",
    description="One to three dense layers without any convolution.",
    suggest=suggest,
    batch_size=32,
    baselines=(
        Baseline(
            "dense_512",
            {**_PUBLISHED, "units": 512},
            "the article on memorization: test accuracy 0.985 on MNIST after 50 epochs at batch 32",
        ),
        Baseline("dense_2048", {**_PUBLISHED, "units": 2048}, "as dense_512, wider: test accuracy 0.983"),
    ),
)
