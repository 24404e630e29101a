"""The trial of a command: `best`, or a number."""

from search.errors import UsageError
from search.study.snapshot import find_best
from search.views.facts import TrialFacts, find_trial
from storage import SharedStudy

BEST = "best"


def chosen_trial(shared: SharedStudy, which: str) -> TrialFacts:
    """The completed trial with that number, or the best one.

    Raises:
        UsageError: there is none, it is another program's, or it isn't complete; says why.
        StorageUnreachable: the database doesn't answer.
    """
    number = best_number(shared) if which == BEST else trial_number(which)
    trial = find_trial(shared, number)
    if trial is None:
        raise UsageError(absent(shared, number))
    if not trial.complete:
        raise UsageError(unfinished(trial))
    return trial


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
        f"{counts.diverged} diverged, {counts.infeasible} were infeasible, {counts.failed} failed. "
        "python -m search.status shows why"
    )


def trial_number(text: str) -> int:
    """The typed number; raises UsageError if it isn't one."""
    if not text.isdecimal():
        raise UsageError(f"--trial {text}: give best, or the number of a trial such as 7")
    return int(text)


def absent(shared: SharedStudy, number: int) -> str:
    """Why the study has no trial of that number."""
    n = len(shared.trials.all())
    if number < n:
        return (
            f"trial {number} was added to the study from elsewhere, and how it was trained isn't known here: "
            "name one that this study has trained"
        )
    return (
        f"there is no trial {number}: the study {shared.name!r} has {f'trials 0 to {n - 1}' if n else 'no trials yet'}"
    )


def unfinished(trial: TrialFacts) -> str:
    """Why a trial has no trained model."""
    outcome = trial.slot.outcome
    why = f": {outcome.reason}" if outcome is not None and outcome.reason else ""
    words = {
        "running": "is still running",
        "paused": "is paused",
        "pruned": "was pruned",
        "infeasible": "was infeasible",
    }
    return (
        f"trial {trial.number} {words.get(trial.state, trial.state)}{why}: only completed trials have a trained model. "
        "--trial best takes the best of them"
    )
