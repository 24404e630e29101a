"""Memorization: what do networks learn by heart when the labels say nothing?"""

from types import MappingProxyType

from spaces.configuration import Block, Configuration, Dropout
from spaces.learning_rate import suggest_adam
from spaces.space import Baseline, Space, Trial, choose

CONVOLUTIONS = MappingProxyType(
    {
        "dense_512": (),
        "dense_2048": (),
        "conv_1": (Block((16,), 5),),
        "conv_2": (Block((32, 32)), Block((64, 64, 64)), Block((128, 128, 128))),
    }
)
EPOCHS = MappingProxyType({"true": 50, "shuffled": 500})
DROPOUT_RATES = (0.0, 0.25)


def suggest(trial: Trial) -> Configuration:
    """One of four published networks, with true or shuffled labels, with or without its dropout."""
    network, labels = choose(trial, "network", tuple(CONVOLUTIONS)), choose(trial, "labels", ("true", "shuffled"))
    return Configuration(
        blocks=CONVOLUTIONS[network],
        dense=(2048,) if network == "dense_2048" else (512,),
        dropout=_dropout(choose(trial, "dropout_rate", DROPOUT_RATES), after_pooling=network == "conv_2"),
        optimizer=suggest_adam(trial),
        shuffled_labels=labels == "shuffled",
    )


def _dropout(rate: float, *, after_pooling: bool) -> tuple[Dropout, ...]:
    if rate == 0:
        return ()
    return (*((Dropout("after_pooling", rate),) if after_pooling else ()), Dropout("before_output", rate))


_TEST_ACCURACIES = (
    ("dense_512", 0.985, 0.114),
    ("dense_2048", 0.983, 0.115),
    ("conv_1", 0.988, 0.102),
    ("conv_2", 0.993, 0.114),
)


def _baseline(network: str, labels: str, accuracy: float) -> Baseline:
    return Baseline(
        network if labels == "true" else f"{network}_{labels}",
        {"network": network, "labels": labels, "dropout_rate": 0.25, "learning_rate": 1e-3},
        f"the article on memorization: test accuracy {accuracy} on MNIST after {EPOCHS[labels]} epochs",
    )


space = Space(
    name="memorization",
    question="Which networks learn labels by heart that say nothing about the images, and does dropout hinder them?",
    description="Four published networks; shuffled labels reach chance on validation and test, whatever training says.",
    suggest=suggest,
    batch_size=32,
    baselines=(
        *(_baseline(network, "true", true) for network, true, _ in _TEST_ACCURACIES),
        *(_baseline(network, "shuffled", shuffled) for network, _, shuffled in _TEST_ACCURACIES),
    ),
)
