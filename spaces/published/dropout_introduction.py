"""An introduction to dropout on a small network of the kind of LeNet."""

import msgspec

from spaces.configuration import Block, Configuration, Dropout, EarlyStopping, Optimizer
from spaces.published.experiment import Arm, Article, Experiment

ARTICLE = Article(
    "dropout-introduction",
    "Improving a CNN's accuracy on CIFAR-10, part 3: dropout",
    original_title="【第3回 Dropout導入編】PyTorchとCIFAR-10で学ぶCNNの精度向上",
    author="KDL Data Blog (Kobe Digital Labo)",
    year=2022,
    url="https://kdl-di.hatenablog.com",
)
PYTORCH_ADAM = Optimizer(epsilon=1e-8)
LENET = Configuration(
    blocks=(Block((6,), 5, "valid"), Block((16,), 5, "valid")),
    dense=(120, 84),
    optimizer=PYTORCH_ADAM,
    early_stopping=EarlyStopping(None, restore_best=True),
)
SOURCE = (
    "PyTorch; curves and words without numbers; the best epoch's model; batches of 64 assumed; Adam with PyTorch's "
    "epsilon of 1e-8; initialized as Keras does (Glorot), not as PyTorch (Kaiming uniform)"
)
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
        article=ARTICLE.name,
        name="dropout",
        question="Does dropout suppress overfitting, and at what price in speed?",
        dataset="cifar10",
        epochs=100,
        batch_size=64,
        arms=ARMS,
        images="how many images the article trained on isn't known",
    ),
)
