"""Baselines: what is known about a space goes into the study's first slots, and what it reaches is what counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from search.errors import UsageError
from spaces.space import Baseline, Space
from storage.objective import Objective
from storage.records import SlotOrder, SlotRow

BASELINE = "baseline"  # a setting of the slot, an attribute of its trial


@dataclass(frozen=True)
class BaselineResult:
    """What became of a baseline: its trial, and the objective's value, None unless it is complete."""

    name: str
    number: int
    value: float | None


def require_baselines(space: Space) -> tuple[Baseline, ...]:
    """The space's baselines.

    Raises:
        UsageError: it has none.
    """
    if not space.baselines:
        raise UsageError(
            f"--baselines: the space {space.name} has none, or none within what is searched of it, so there is nothing "
            "to start from. Leave the flag out, or give the space some: Space(…, baselines=(Baseline(name, params),))"
        )
    return space.baselines


def baseline_order(baseline: Baseline, seed: int) -> SlotOrder:
    """The slot of a baseline. It trains to its end whatever the pruner thinks, as others are measured against it."""
    return SlotOrder(seed=seed, params=dict(baseline.params), settings={BASELINE: baseline.name})


def ordered_baselines(slots: Iterable[SlotRow]) -> int:
    """How many of a study's slots are baselines: they are its first."""
    return sum(1 for slot in slots if BASELINE in (slot.settings or {}))


def baseline_results(trials: Iterable[FrozenTrial]) -> tuple[BaselineResult, ...]:
    """The baselines among the trials, in their order."""
    return tuple(
        BaselineResult(
            trial.user_attrs[BASELINE],
            trial.number,
            trial.value if trial.state is TrialState.COMPLETE else None,
        )
        for trial in trials
        if BASELINE in trial.user_attrs
    )


def best_baseline(results: Sequence[BaselineResult], goal: Objective) -> BaselineResult | None:
    """The baseline with the best value; of equals, the earlier one. None if none is complete."""
    complete = [result for result in results if result.value is not None]
    return goal.ranked(complete, lambda result: (result.value, result.number))[0] if complete else None
