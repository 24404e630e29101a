"""What the arms of an axis have in common: the parameters of a baseline, or of a trial of a search."""

from collections.abc import Mapping
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from search.errors import UsageError
from spaces.configuration import Scalar
from spaces.names import unknown_name
from spaces.space import Baseline, Space
from storage import SharedStudy

BASELINE, BEST, TRIAL = "baseline", "best", "trial"
FORMS = "baseline, baseline:NAME, best, or trial:N"


@dataclass(frozen=True)
class Base:
    """Parameters of a space, and where they are from. `score` is that for which a search picked them, if one did."""

    name: str
    params: Mapping[str, Scalar]
    score: float | None = None


def is_from_search(at: str) -> bool:
    """Whether `--at` names a trial of a search.

    Raises:
        UsageError: it has none of the forms that there are.
    """
    kind, _, rest = at.partition(":")
    if kind == BASELINE or (kind == BEST and not rest):
        return kind == BEST
    if kind != TRIAL or not rest.isdecimal():
        raise UsageError(f"--at {at}: give {FORMS}")
    return True


def baseline_base(space: Space, at: str) -> Base:
    """The baseline that `--at` names; the space's first if it names none.

    Raises:
        UsageError: the space has no such baseline.
    """
    name = at.partition(":")[2]
    if not space.baselines:
        raise UsageError(
            f"the space {space.name} has no baselines: give --at best or trial:N, with their --search, or"
            " every parameter by --set NAME=VALUE"
        )
    named = {baseline.name: baseline for baseline in space.baselines}
    if name and name not in named:
        raise UsageError(unknown_name("baseline", name, list(named)))
    found: Baseline = named[name] if name else space.baselines[0]
    return Base(f"baseline {found.name}", dict(found.params))


def trial_base(shared: SharedStudy, at: str) -> Base:
    """The trial of a search that `--at` names.

    Raises:
        UsageError: the study has no such completed trial.
    """
    complete = {trial.number: trial for trial in ranked_trials(shared)}
    if not complete:
        raise UsageError(f"the study {shared.name} has no completed trial yet: --at {at} needs one")
    if at == BEST:
        return _of_trial(shared, next(iter(complete.values())))
    number = int(at.partition(":")[2])
    if number not in complete:
        listed = ", ".join(map(str, sorted(complete)))
        raise UsageError(f"the study {shared.name} has no completed trial {number}: completed are {listed}")
    return _of_trial(shared, complete[number])


def ranked_trials(shared: SharedStudy, states: tuple[TrialState, ...] = (TrialState.COMPLETE,)) -> list[FrozenTrial]:
    """The completed trials of a search, or those in other states, best first; of equals, the earlier one.

    Raises:
        UsageError: the study is a comparison, and searched nothing.
    """
    if shared.manifest.comparison is not None:
        raise UsageError(
            f"the study {shared.name} is a comparison itself: name that of a search, made by search.launch"
        )
    with shared.translated():
        found = shared.study.get_trials(deepcopy=False, states=states)
    return shared.manifest.goal.ranked(found, lambda trial: (trial.value, trial.number))


def _of_trial(shared: SharedStudy, trial: FrozenTrial) -> Base:
    return Base(f"trial {trial.number} of {shared.name}", dict(trial.params), trial.value)
