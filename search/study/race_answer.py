"""The answer with which a search ends, stored with its study: what a race of its best trials found.

The race is a study of its own (search/design/racing.py). What it found is stored with the search, so that everything
that shows the search can show it.
"""

from typing import Any, Literal

import msgspec

from search.study.test_score import TestScore
from search.study.trial_attributes import typed
from storage import SharedStudy

ANSWER_ATTR = "race_answer"

Why = Literal["one left", "equivalent", "spent"]


class Span(msgspec.Struct, frozen=True):
    """A 95 % interval, in the objective's unit."""

    low: float
    high: float


class Candidate(msgspec.Struct, frozen=True):
    """A trial in the race: the value that selected it, and the mean of its `n` replicates with its interval. `left` is
    whether it can't be told from the best; `parameters` and `epoch_seconds` are what it costs, None where unknown.
    """

    name: str
    selected: float
    n: int
    mean: float | None
    interval: Span | None
    left: bool
    parameters: int | None
    epoch_seconds: float | None


class Reference(msgspec.Struct, frozen=True):
    """The arm that candidates are compared with and that isn't one itself: the mean of its `n` replicates."""

    name: str
    n: int
    mean: float | None
    interval: Span | None


class Gain(msgspec.Struct, frozen=True):
    """The recommended trial compared with the reference on the `n` replicates that both have: how much better it is."""

    reference: str
    difference: float
    interval: Span
    n: int


class RaceAnswer(msgspec.Struct, frozen=True):
    """What the race found, when `trials` of the search were finished. `recommended` names the cheapest of the
    candidates that are left; `gain` is None where there is no baseline, or it is recommended itself; `reference` is
    there unless the baseline is one of the candidates. `optimism` is how much better the value that selected the
    recommended trial was than its mean on new splits. Differences are positive where the recommended one is better, or
    was said to be, whichever direction the objective has. `level` is the probability with which the best was lost, at
    most.
    """

    study_name: str
    trials: int
    candidates: tuple[Candidate, ...]
    recommended: str
    gain: Gain | None
    optimism: float | None
    optimism_interval: Span | None
    replicates: int
    trainings: int
    margin: float
    end: Why
    level: float = 0.05
    test_accuracy: float | None = None
    test_n: int | None = None
    test_look: int | None = None
    reference: Reference | None = None

    def tested(self, score: TestScore) -> "RaceAnswer":
        """The answer with the test score of the recommended one's model."""
        return msgspec.structs.replace(self, test_accuracy=score.accuracy, test_n=score.n, test_look=score.look)

    def trials_since(self, finished: int) -> int:
        """How many of the `finished` trials of the search the answer knows nothing of."""
        return max(0, finished - self.trials)

    @property
    def left(self) -> tuple[Candidate, ...]:
        """Those that can't be told from the best."""
        return tuple(one for one in self.candidates if one.left)

    @property
    def chosen(self) -> Candidate:
        """The recommended one."""
        return next(one for one in self.candidates if one.name == self.recommended)


def stored_answer(shared: SharedStudy) -> RaceAnswer | None:
    """The answer of the study, None while there is none."""
    found: Any = typed(shared.study.user_attrs.get(ANSWER_ATTR), RaceAnswer)
    return found if isinstance(found, RaceAnswer) else None


def store_answer(shared: SharedStudy, answer: RaceAnswer) -> None:
    """Stores the answer in the place of an earlier one."""
    shared.study.set_user_attr(ANSWER_ATTR, msgspec.to_builtins(answer))
