"""Dropout: where, and how much?"""

from collections.abc import Mapping

from spaces.configuration import EVERY_DROPOUT_POSITION, Configuration, Scalar
from spaces.dropout import suggest_dropout
from spaces.learning_rate import suggest_adam
from spaces.space import Baseline, Space, Trial


def suggest(trial: Trial) -> Configuration:
    """The textbook's network, with dropout at one of its places."""
    return Configuration(dropout=suggest_dropout(trial, EVERY_DROPOUT_POSITION), optimizer=suggest_adam(trial))


_HALF: Mapping[str, Scalar] = {"learning_rate": 1e-3, "dropout_rate": 0.5}

space = Space(
    name="dropout",
    question="Dropout among the convolutions or among the dense layers, and how much?",
    description="Three blocks of one convolution without batch normalization, with dropout at one of six places.",
    suggest=suggest,
    baselines=(
        Baseline(
            "base",
            {"learning_rate": 1e-3, "dropout_position": "none"},
            "the textbook's base network: test accuracy 0.726 on CIFAR-10 after 50 epochs at batch 1024",
        ),
        Baseline(
            "dropout",
            {**_HALF, "dropout_position": "before_dense"},
            "the textbook's dropout: test accuracy 0.785, otherwise as base",
        ),
        Baseline(
            "every_dense",
            {**_HALF, "dropout_position": "before_every_dense"},
            "the places and the rate of the introduction to dropout, which has another network",
        ),
    ),
)
