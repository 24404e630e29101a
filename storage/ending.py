"""What ends a search before all its trials are done, and the rule that says whether it has ended."""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from spaces.metrics import Direction, loss_of
from storage.convergence import gain_bound
from storage.records import OutcomeState

EndedBy = Literal["target", "patience", "converged"]

DEFAULT_PATIENCE = 20
UNCOUNTED: frozenset[OutcomeState] = frozenset({"failed", "infeasible"})


class EndingRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ends a search: a value that is good enough, `patience` finished trials in a row without a better one, or
    that the next `patience` (else 20) trials are expected to gain less than `margin`. None where it doesn't.

    `since` is how many trials had finished when the search was continued after an end: only later ones count.
    """

    direction: Direction
    target: float | None = None
    patience: int | None = None
    margin: float | None = None
    since: int = 0

    @property
    def horizon(self) -> int:
        """The next trials whose gain `margin` is about."""
        return self.patience or DEFAULT_PATIENCE

    def asks_the_same(self, other: "EndingRule") -> bool:
        """Whether both end a search for the same reasons."""
        return msgspec.structs.replace(self, since=0) == msgspec.structs.replace(other, since=0)


class Ended(msgspec.Struct, frozen=True):
    """Why a search has ended: `finished` trials had their result by then, of `ordered`; `words` say it in a sentence's
    part, as in: no trial was better in the last 20.
    """

    by: EndedBy
    words: str
    finished: int
    ordered: int


class FinishedTrial(msgspec.Struct, frozen=True):
    """What the rule takes of a finished trial: its state, its value and its trial's number."""

    state: OutcomeState
    value: float | None
    number: int | None


def reason_to_end(rule: EndingRule, trials: Sequence[FinishedTrial]) -> tuple[EndedBy, str] | None:
    """What ends the search after these trials, in the order in which they finished, with the words; None if it goes on.

    Failed and infeasible trials say nothing about how good parameters are, and don't count.
    """
    counted = [trial for trial in trials if trial.state not in UNCOUNTED]
    recent = [trial for trial in trials[rule.since :] if trial.state not in UNCOUNTED]
    return _target(rule, recent) or _patience(rule, counted, recent) or _converged(rule, counted, recent)


def _loss(rule: EndingRule, trial: FinishedTrial) -> float:
    return loss_of(rule.direction, trial.value) if trial.state == "complete" else math.inf


def _target(rule: EndingRule, recent: Sequence[FinishedTrial]) -> tuple[EndedBy, str] | None:
    if rule.target is None:
        return None
    good = loss_of(rule.direction, rule.target)
    reached = next((trial for trial in recent if _loss(rule, trial) <= good), None)
    return None if reached is None else ("target", f"trial {reached.number} reached the target of {rule.target:g}")


def _patience(
    rule: EndingRule, counted: Sequence[FinishedTrial], recent: Sequence[FinishedTrial]
) -> tuple[EndedBy, str] | None:
    if rule.patience is None or len(recent) < rule.patience:
        return None
    earlier = counted[: -rule.patience]
    best_before = min((_loss(rule, trial) for trial in earlier), default=math.inf)
    best_lately = min(_loss(rule, trial) for trial in counted[-rule.patience :])
    if math.isinf(best_before) or best_lately < best_before:
        return None
    return "patience", f"none of the last {rule.patience} trials was better than the best before"


def _converged(
    rule: EndingRule, counted: Sequence[FinishedTrial], recent: Sequence[FinishedTrial]
) -> tuple[EndedBy, str] | None:
    if rule.margin is None or not recent:
        return None
    losses = [loss if math.isfinite(loss := _loss(rule, trial)) else None for trial in counted]
    bound = gain_bound(losses, rule.horizon)
    if bound is None or bound >= rule.margin:
        return None
    words = f"the next {rule.horizon} trials would gain at most {bound:.2g}, with 90 % confidence"
    return "converged", words
