"""What the best trial's model takes the validation images of each class for: as a table, a sentence and a document."""

from collections.abc import Sequence
from typing import Any

from search.study.class_results import ClassResults
from search.views.layout import TextTable

MOST_IN_MATRIX = 10  # classes, whose matrix fits a line of a terminal
MOST_LISTED = 20
MOST_NAMED = 12  # classes in a sentence
WORST = 3


def classes_table(found: ClassResults, classes: Sequence[str]) -> TextTable:
    """Each class with its recall and for which classes its validation images were taken; of many classes those with
    the lowest recall, and for which other class most of their images were taken.
    """
    if len(classes) <= MOST_IN_MATRIX:
        rows = (
            (classes[index], recall_text(found.recalls[index]), *map(str, row))
            for index, row in enumerate(found.confusion)
        )
        numbers = ("recall", *classes)
        title = f"Recall and confusions of trial {found.trial}"
        return TextTable(title, ("class", *numbers), tuple(rows), frozenset(numbers))
    listed = by_recall(found)[:MOST_LISTED]
    title = f"Classes that trial {found.trial} recognizes least"
    columns = ("class", "images", "recognized", "recall", "most often taken for")
    rows_of_many = tuple(_line(found, classes, index) for index in listed)
    return TextTable(title, columns, rows_of_many, frozenset(columns[1:4]))


def _line(found: ClassResults, classes: Sequence[str], index: int) -> tuple[str, ...]:
    row = found.confusion[index]
    others = [count if place != index else 0 for place, count in enumerate(row)]
    most = max(others)
    taken = f"{classes[others.index(most)]} ({most})" if most else ""
    return (
        classes[index],
        str(found.images[index]),
        str(found.correct[index]),
        recall_text(found.recalls[index]),
        taken,
    )


def by_recall(found: ClassResults) -> list[int]:
    """The classes that have images, by their numbers, the least recognized first."""
    recalls = [(recall, index) for index, recall in enumerate(found.recalls) if recall is not None]
    return [index for _, index in sorted(recalls)]


def recall_text(recall: float | None) -> str:
    """A recall in percent; "" for a class without images."""
    return "" if recall is None else f"{recall:.1%}"


def classes_sentence(found: ClassResults | None, classes: Sequence[str]) -> str:
    """How much of each class is recognized, of many classes the least recognized ones; "" if it isn't known."""
    if found is None or not any(found.images):
        return ""
    few = len(classes) <= MOST_NAMED
    listed = [index for index, n in enumerate(found.images) if n] if few else by_recall(found)[:WORST]
    words = ", ".join(f"{classes[index]} {found.correct[index]} of {found.images[index]}" for index in listed)
    of = "each class" if few else "the classes that it recognizes least"
    return f"Of the validation images of {of}, trial {found.trial} recognizes: {words}."


def classes_document(found: ClassResults | None, classes: Sequence[str]) -> dict[str, Any] | None:
    """The same for programs: recall by class, and the matrix, whose lines are the true classes."""
    if found is None:
        return None
    return {
        "trial": found.trial,
        "recall": dict(zip(classes, found.recalls, strict=True)),
        "confusion": [list(row) for row in found.confusion],
    }
