"""A textbook's chapter on improving the accuracy of a convolutional network: one regularizer at a time."""

from spaces.configuration import BatchNorm, Configuration, Dropout, EarlyStopping, Regularization
from spaces.published.experiment import Arm, Article, Experiment, scores

ARTICLE = Article(
    "cnn-accuracy-textbook",
    "Improving the accuracy of a convolutional network (textbook chapter)",
    original_title="畳み込みニューラルネットワークの精度向上",
)
SOURCE = "textbook chapter, TensorFlow 2.1; validated on the test images"
PARAMS = 356_810

ARMS = (
    Arm("base", Configuration(), scores(0.9113, 0.2739, 0.7262, 1.0067), PARAMS, SOURCE),
    Arm(
        "dropout",
        Configuration(dropout=(Dropout("before_dense", 0.5),)),
        scores(0.8306, 0.4809, 0.7846, 0.6387),
        PARAMS,
        f"{SOURCE}; dropout between flatten and the dense layer",
    ),
    Arm(
        "l2",
        Configuration(regularization=Regularization(l2=1e-2, kernels="convolutions")),
        scores(0.7318, 0.9649, 0.6985, 1.0519),
        PARAMS,
        f"{SOURCE}; on the kernels of the convolutions",
    ),
    Arm(
        "early_stopping",
        Configuration(early_stopping=EarlyStopping(patience=3)),
        scores(0.7381, 0.7651, 0.6877, 0.9017),
        PARAMS,
        f"{SOURCE}; it stopped after epoch 18",
    ),
    Arm(
        "batch_norm",
        Configuration(batch_norm=BatchNorm("after_activation", momentum=0.99)),
        scores(0.9355, 0.178, 0.7784, 0.8375),
        PARAMS + 4 * (32 + 64 + 128),
        f"{SOURCE}; with Keras' momentum of 0.99, whose averages lag for ten epochs; params computed",
    ),
)

EXPERIMENTS = (
    Experiment(
        article=ARTICLE.name,
        name="regularisers",
        question="Dropout, L2, early stopping or batch normalization: which makes a small CNN more accurate?",
        dataset="cifar10",
        epochs=50,
        batch_size=1024,
        arms=ARMS,
        images="the article trained on all 50,000 training images and validated on the test images; here validation "
        "images are taken from the training images",
    ),
)
