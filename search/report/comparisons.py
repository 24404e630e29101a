"""The designed comparisons whose answers a report shows."""

from dataclasses import dataclass

from search.comparison import Answer
from search.design.result import take_result
from storage import SharedStudy
from storage.comparison import Comparison as Design
from storage.comparison import PlannedLook


@dataclass(frozen=True)
class Comparison:
    """A comparison: the question in words, and its answer; `unit` says what its differences are measured in."""

    question: str
    answer: Answer
    unit: str = "validation accuracy"


def comparisons_of(shared: SharedStudy) -> tuple[Comparison, ...]:
    """What the study compares, as far as it has an answer yet. Searches compare nothing."""
    design = shared.manifest.comparison
    if design is None:
        return ()
    answer = take_result(shared, current_look(shared, design)).answer
    unit = "validation loss" if shared.manifest.objective == "val_loss" else "validation accuracy"
    return () if answer is None else (Comparison(design.question, answer, unit),)


def current_look(shared: SharedStudy, design: Design) -> PlannedLook:
    """The look for which the slots that there are were ordered."""
    ordered = shared.ledger.counts().total
    return next((look for look in design.looks if look.replicates * len(design.arms) >= ordered), design.looks[-1])
