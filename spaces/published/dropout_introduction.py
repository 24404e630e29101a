"""An introduction to dropout on a small network of the kind of LeNet."""

import msgspec

from spaces.configuration import Block, Configuration, Dropout, EarlyStopping
from spaces.published.experiment import Arm, Experiment

LENET = Configuration(
    blocks=(Block((6,), 5, "valid"), Block((16,), 5, "valid")),
    dense=(120, 84),
    early_stopping=EarlyStopping(None, restore_best=True),
)
SOURCE = "PyTorch; curves and words without numbers; the best epoch's model; batches of 64 assumed"
ARMS = (
    Arm("baseline", LENET, {}, 62_006, f"{SOURCE}; overfits from about epoch 50"),
    Arm(
        "dropout",
        msgspec.structs.replace(LENET, dropout=(Dropout("before_every_dense", 0.5),)),
        {},
        62_006,
        f"{SOURCE}; doesn't overfit, and is still below the baseline's peak at epoch 100",
    ),
)

EXPERIMENTS = (
    Experiment(
        article="dropout-introduction",
        name="dropout",
        question="Does dropout suppress overfitting, and at what price in speed?",
        dataset="cifar10",
        epochs=100,
        batch_size=64,
        arms=ARMS,
    ),
)
