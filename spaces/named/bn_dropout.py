"""Batch normalization and dropout: where do they belong, and do they go together?"""

from collections.abc import Mapping

from spaces.configuration import Configuration, Scalar
from spaces.dropout import suggest_dropout
from spaces.normalization import suggest_batch_norm
from spaces.optimizer import suggest_optimizer
from spaces.space import Baseline, Space, Trial


def suggest(trial: Trial) -> Configuration:
    """Three blocks of one convolution (32, 64, 128), a dense layer of 128, and what is searched around them."""
    return Configuration(
        optimizer=suggest_optimizer(trial),
        batch_norm=suggest_batch_norm(trial),
        dropout=suggest_dropout(trial),
    )


_ADAM: Mapping[str, Scalar] = {"optimizer": "adam", "learning_rate": 1e-3}

space = Space(
    name="bn_dropout",
    question="Batch normalization before or after the activation, and dropout before or after it: what is best?",
    description="A CNN of three blocks, with every optimizer, each at its learning rate.",
    suggest=suggest,
    baselines=(
        Baseline(
            "base",
            {**_ADAM, "batch_norm": "none", "dropout_position": "none"},
            "the textbook's base network: test accuracy 0.726 on CIFAR-10 after 50 epochs at batch 1024",
        ),
        Baseline(
            "dropout",
            {**_ADAM, "batch_norm": "none", "dropout_position": "before_dense", "dropout_rate": 0.5},
            "the textbook's dropout: test accuracy 0.785, otherwise as base",
        ),
        Baseline(
            "batch_norm",
            {**_ADAM, "batch_norm": "after_activation", "dropout_position": "none"},
            "the textbook's batch normalization: test accuracy 0.778, otherwise as base",
        ),
    ),
)
