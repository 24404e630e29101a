"""Everything at once: a small CNN with every axis that there is."""

from collections.abc import Mapping

from spaces.activation import LEAKY_SLOPE, suggest_activation
from spaces.architecture import suggest_blocks
from spaces.configuration import EVERY_BATCH_NORM_POSITION, EVERY_DROPOUT_POSITION, Configuration, Scalar
from spaces.dropout import suggest_dropout
from spaces.early_stopping import suggest_early_stopping
from spaces.inputs import suggest_inputs
from spaces.normalization import suggest_batch_norm
from spaces.regularization import suggest_regularization
from spaces.schedule import suggest_every_optimizer
from spaces.space import Baseline, Space, Trial
from spaces.width import suggest_dense


def suggest(trial: Trial) -> Configuration:
    """Every axis, in the order in which an image passes what they decide, and then training."""
    return Configuration(
        inputs=suggest_inputs(trial),
        blocks=suggest_blocks(trial),
        batch_norm=suggest_batch_norm(trial, EVERY_BATCH_NORM_POSITION),
        activation=suggest_activation(trial),
        negative_slope=LEAKY_SLOPE,
        dense=suggest_dense(trial),
        dropout=suggest_dropout(trial, EVERY_DROPOUT_POSITION),
        regularization=suggest_regularization(trial),
        optimizer=suggest_every_optimizer(trial),
        early_stopping=suggest_early_stopping(trial),
    )


_BASE: Mapping[str, Scalar] = {
    "pixels": "scaled",
    "augmentation": "none",
    "blocks": 3,
    "convolutions": 1,
    "kernel": 3,
    "width": 32,
    "dense": 128,
    "batch_norm": "none",
    "activation": "relu",
    "dropout_position": "none",
    "penalty": "none",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "early_stopping": "none",
}

space = Space(
    name="cnn",
    question="What is the best small CNN, everything considered?",
    description="Every axis at once: for a good model, rather than for an answer to one question.",
    suggest=suggest,
    n_trials=100,
    epochs=20,
    baselines=(
        Baseline("base", _BASE, "the textbook's base network: test accuracy 0.726 on CIFAR-10"),
        Baseline(
            "dropout",
            {**_BASE, "dropout_position": "before_dense", "dropout_rate": 0.5},
            "the textbook's dropout: test accuracy 0.785",
        ),
        Baseline(
            "early_stopping",
            {**_BASE, "early_stopping": "stop", "patience": 3},
            "the textbook's early stopping: test accuracy 0.688",
        ),
        Baseline(
            "batch_norm",
            {**_BASE, "batch_norm": "after_activation"},
            "the textbook's batch normalization: test accuracy 0.778",
        ),
    ),
)
