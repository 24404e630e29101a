"""Regularizers: which of them, alone or together?"""

from collections.abc import Mapping

from spaces.configuration import Configuration, Scalar
from spaces.dropout import suggest_dropout
from spaces.early_stopping import suggest_early_stopping
from spaces.learning_rate import suggest_adam
from spaces.normalization import suggest_batch_norm
from spaces.regularization import suggest_regularization
from spaces.space import Baseline, Space, Trial


def suggest(trial: Trial) -> Configuration:
    """The textbook's network, with what is to keep it from overfitting."""
    return Configuration(
        optimizer=suggest_adam(trial),
        regularization=suggest_regularization(trial, "convolutions"),
        dropout=suggest_dropout(trial, ("before_dense",)),
        batch_norm=suggest_batch_norm(trial, ("none", "after_activation")),
        early_stopping=suggest_early_stopping(trial),
    )


_BASE: Mapping[str, Scalar] = {
    "learning_rate": 1e-3,
    "penalty": "none",
    "dropout_position": "none",
    "batch_norm": "none",
    "early_stopping": "none",
}

space = Space(
    name="regularization",
    question="Penalties, dropout, early stopping or batch normalization: what keeps a small CNN from overfitting?",
    description="Three blocks of one convolution, with one or several of the usual regularizers.",
    suggest=suggest,
    baselines=(
        Baseline("base", _BASE, "the textbook's base network: test accuracy 0.726 on CIFAR-10"),
        Baseline(
            "dropout",
            {**_BASE, "dropout_position": "before_dense", "dropout_rate": 0.5},
            "the textbook's dropout: test accuracy 0.785",
        ),
        Baseline("l2", {**_BASE, "penalty": "l2", "l2": 1e-2}, "the textbook's L2: test accuracy 0.699"),
        Baseline(
            "early_stopping",
            {**_BASE, "early_stopping": "stop", "patience": 3},
            "the textbook's early stopping: test accuracy 0.688 after 18 of 50 epochs",
        ),
        Baseline(
            "batch_norm",
            {**_BASE, "batch_norm": "after_activation"},
            "the textbook's batch normalization: test accuracy 0.778",
        ),
    ),
)
