"""Which images a search's trials are validated and finally scored on."""

from typing import Literal

import msgspec

from spaces.errors import ConfigurationError

ValidationKind = Literal["fixed", "reshuffled", "folds", "rest"]
WITHOUT_A_COUNT: tuple[ValidationKind, ...] = ("fixed", "reshuffled", "rest")
FORMS = "fixed, reshuffled, folds:K with 2 folds or more, or rest"
MOST_FOLDS = 100


class Validation(msgspec.Struct, frozen=True):
    """`fixed`: all trials of a search have the same validation images. `reshuffled`: each draws its own
    (Nagler, Schneider, Bischl and Feurer 2024, arXiv:2405.15393). `folds`: each trains as many models, each on all
    but one of the `folds`, and is scored by their mean. `rest`: as `fixed`, and the final score is measured on the
    training images that the study doesn't use, instead of the test images.
    """

    kind: ValidationKind = "fixed"
    folds: int = 0

    def __repr__(self) -> str:
        """As it is typed."""
        return f"folds:{self.folds}" if self.kind == "folds" else self.kind

    __str__ = __repr__


FIXED = Validation()


def parse_validation(text: str) -> Validation:
    """The validation that a text stands for.

    Raises:
        ConfigurationError: it has none of the forms.
    """
    kind, colon, count = text.strip().partition(":")
    if kind == "folds":
        if count.isdecimal() and 2 <= int(count) <= MOST_FOLDS:
            return Validation("folds", int(count))
    elif not colon:
        for known in WITHOUT_A_COUNT:
            if kind == known:
                return Validation(known)
    raise ConfigurationError(f"{text!r} isn't a kind of validation: give {FORMS}")
