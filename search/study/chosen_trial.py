"""The trial of a command: `best`, or a number."""

from optuna.trial import FrozenTrial, TrialState

from search.errors import UsageError
from search.study.snapshot import find_best
from search.study.trial_attributes import TrialAttributes
from storage import SharedStudy

BEST = "best"


def chosen_trial(shared: SharedStudy, which: str) -> FrozenTrial:
    """The completed trial with that number, or the best one.

    Raises:
        UsageError: there is none, or it isn't complete; says why.
        StorageUnreachable: the database doesn't answer.
    """
    number = best_number(shared) if which == BEST else trial_number(which)
    trials = shared.trials.all()
    if number >= len(trials):
        there = f"trials 0 to {len(trials) - 1}" if trials else "no trials yet"
        raise UsageError(f"there is no trial {number}: the study {shared.name!r} has {there}")
    if trials[number].state is not TrialState.COMPLETE:
        raise UsageError(unfinished(trials[number]))
    return trials[number]


def best_number(shared: SharedStudy) -> int:
    """The number of the best trial; raises UsageError if none is complete."""
    best = find_best(shared)
    if best is not None:
        return best.number
    counts = shared.ledger.counts()
    if not counts.finished:
        raise UsageError(
            f"the study {shared.name!r} has no finished trial yet: python -m search.status shows its progress"
        )
    raise UsageError(
        f"no trial of the study {shared.name!r} was completed: {counts.pruned} were pruned, "
        f"{counts.diverged} diverged, {counts.failed} failed. python -m search.status shows why"
    )


def trial_number(text: str) -> int:
    """The typed number; raises UsageError if it isn't one."""
    if not text.isdecimal():
        raise UsageError(f"--trial {text}: give best, or the number of a trial such as 7")
    return int(text)


def unfinished(trial: FrozenTrial) -> str:
    """Why a trial has no trained model."""
    stored = TrialAttributes.of(trial.user_attrs)
    why = f": {stored.reason}" if stored.reason else ""
    state = stored.outcome or trial.state.name.lower()
    words = {"fail": "failed", "running": "is still running", "waiting": "hasn't begun", "pruned": "was pruned"}
    return (
        f"trial {trial.number} {words.get(state, state)}{why}: only completed trials have a trained model. "
        "--trial best takes the best of them"
    )
