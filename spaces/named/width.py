"""Width: how many filters and units?"""

from spaces.configuration import Configuration
from spaces.learning_rate import suggest_adam
from spaces.space import Baseline, Space, Trial
from spaces.width import suggest_dense, suggest_width


def suggest(trial: Trial) -> Configuration:
    """Three blocks of one convolution, twice as wide from block to block."""
    return Configuration(blocks=suggest_width(trial), dense=suggest_dense(trial), optimizer=suggest_adam(trial))


space = Space(
    name="width",
    question="How wide must a small CNN be?",
    description="Three blocks of one convolution and a dense layer, from narrow to wide.",
    suggest=suggest,
    baselines=(
        Baseline(
            "base",
            {"width": 32, "dense": 128, "learning_rate": 1e-3},
            "the textbook's base network: test accuracy 0.726 on CIFAR-10 after 50 epochs at batch 1024",
        ),
    ),
)
