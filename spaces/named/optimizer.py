"""Optimizers: which, at which learning rate, and should it change?"""

from spaces.configuration import Configuration
from spaces.schedule import suggest_every_optimizer
from spaces.space import Baseline, Space, Trial


def suggest(trial: Trial) -> Configuration:
    """The textbook's network, with every optimizer."""
    return Configuration(optimizer=suggest_every_optimizer(trial))


space = Space(
    name="optimizer",
    question="Which optimizer trains a small CNN best, at which learning rate, and does a schedule help?",
    description="Three blocks of one convolution, trained by one of seven optimizers.",
    suggest=suggest,
    baselines=(
        Baseline(
            "base",
            {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant"},
            "the textbook's base network: test accuracy 0.726 on CIFAR-10 after 50 epochs at batch 1024",
        ),
        Baseline(
            "adadelta",
            {"optimizer": "adadelta", "learning_rate": 1.0, "schedule": "inverse_time", "decay": 1e-4},
            "the optimizer of the tuning notes, where it trained another network",
        ),
    ),
)
