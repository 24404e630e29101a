"""What the best trial's model takes the validation images of each class for: measured once, stored with the study."""

import msgspec

from storage import SharedStudy

CLASSES_ATTR = "class_results"


class ClassResults(msgspec.Struct, frozen=True):
    """`confusion` counts, for each class (row), for which class (column) its validation images were taken by the model
    of the trial of that number.
    """

    trial: int
    confusion: tuple[tuple[int, ...], ...]

    @property
    def images(self) -> tuple[int, ...]:
        """The validation images of each class."""
        return tuple(map(sum, self.confusion))

    @property
    def correct(self) -> tuple[int, ...]:
        """How many of them were recognized."""
        return tuple(row[index] for index, row in enumerate(self.confusion))

    @property
    def recalls(self) -> tuple[float | None, ...]:
        """The share of each class that was recognized, in [0, 1]; None for a class without images."""
        return tuple(correct / n if n else None for correct, n in zip(self.correct, self.images, strict=True))


def stored_class_results(shared: SharedStudy, trial: int) -> ClassResults | None:
    """What was stored of that trial, None if nothing was."""
    stored = shared.study.user_attrs.get(CLASSES_ATTR)
    found = None if stored is None else msgspec.convert(stored, ClassResults)
    return found if found is not None and found.trial == trial else None


def store_class_results(shared: SharedStudy, found: ClassResults) -> None:
    """Stores them in place of those of an earlier best trial."""
    shared.study.set_user_attr(CLASSES_ATTR, msgspec.to_builtins(found))
