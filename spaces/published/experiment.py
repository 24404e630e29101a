"""The records of what was published."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from spaces.configuration import Configuration

DatasetName = Literal["cifar10", "mnist"]


class Arm(msgspec.Struct, frozen=True):
    """One of an experiment's ways: its configuration, the published value of each metric, the number of parameters
    (None: not published), and where it is from or what was assumed.
    """

    name: str
    configuration: Configuration
    published: Mapping[str, float]
    params: int | None
    source: str


class Article(msgspec.Struct, frozen=True):
    """Where experiments were published; None where the author, year or address isn't known.

    `title` is in English, `original_title` as printed.
    """

    name: str
    title: str
    original_title: str | None = None
    author: str | None = None
    year: int | None = None
    url: str | None = None

    def cited(self) -> str:
        """The article in one line, with what isn't known of it."""
        facts = (self.author or "author not known", str(self.year or "year not known"), self.url or "address not known")
        original = f" ({self.original_title})" if self.original_title else ""
        return f"{self.title}{original}. {', '.join(facts)}."


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Arms that were trained alike, and the question that they were to answer.

    `validation_share` is the share of the training images that is kept for validation, which makes the number of images
    trained on that of the article where it can be; `images` says how the article's images differ from that, if they do.
    """

    article: str
    name: str
    question: str
    dataset: DatasetName
    epochs: int
    batch_size: int
    arms: tuple[Arm, ...]
    validation_share: float = 0.2
    images: str | None = None


def scores(train: float, train_loss: float, test: float, test_loss: float) -> dict[str, float]:
    """Published scores by the names of their metrics; the first of each pair is the accuracy."""
    return {"train_accuracy": train, "train_loss": train_loss, "test_accuracy": test, "test_loss": test_loss}
