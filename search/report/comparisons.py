"""The designed comparisons whose answers a study holds."""

from dataclasses import dataclass

from search.comparison import Answer
from storage import SharedStudy


@dataclass(frozen=True)
class Comparison:
    """A comparison: the question in words, and its answer; `unit` says what its differences are measured in."""

    question: str
    answer: Answer
    unit: str = "validation accuracy"


def comparisons_of(_shared: SharedStudy) -> tuple[Comparison, ...]:
    """The comparisons of the study. The one place where a report learns of them: searches hold none."""
    return ()
