"""Architecture: how many blocks of how many convolutions?"""

from collections.abc import Mapping

from spaces.architecture import suggest_blocks
from spaces.configuration import Configuration, Scalar
from spaces.dropout import suggest_dropout
from spaces.learning_rate import suggest_adam
from spaces.space import Baseline, Space, Trial
from spaces.width import suggest_dense


def suggest(trial: Trial) -> Configuration:
    """One to three blocks of one to three convolutions, and a dense layer."""
    return Configuration(
        blocks=suggest_blocks(trial),
        dense=suggest_dense(trial),
        dropout=suggest_dropout(trial, ("before_output",)),
        optimizer=suggest_adam(trial),
    )


_ONE: Mapping[str, Scalar] = {"convolutions": 1, "learning_rate": 1e-3}

space = Space(
    name="architecture",
    question="How deep and how wide: how many blocks of how many convolutions?",
    description="One to three blocks of one to three convolutions, a dense layer, dropout before the output.",
    suggest=suggest,
    baselines=(
        Baseline(
            "base",
            {**_ONE, "blocks": 3, "kernel": 3, "width": 32, "dense": 128, "dropout_position": "none"},
            "the textbook's base network: test accuracy 0.726 on CIFAR-10 after 50 epochs at batch 1024",
        ),
        Baseline(
            "conv_1",
            {
                **_ONE,
                "blocks": 1,
                "kernel": 5,
                "width": 16,
                "dense": 512,
                "dropout_position": "before_output",
                "dropout_rate": 0.25,
            },
            "the smaller CNN of the article on memorization: test accuracy 0.988 on MNIST after 50 epochs at batch 32",
        ),
    ),
)
