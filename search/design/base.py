"""What the arms of an axis have in common: the parameters of a baseline, or of a trial of a search."""

from collections.abc import Mapping
from dataclasses import dataclass

from search.errors import UsageError
from search.views.facts import StudyFacts, TrialFacts, gather_facts
from spaces.configuration import Scalar
from spaces.names import unknown_name
from spaces.space import Baseline, Space
from storage import Manifest, SharedStudy

BASELINE, BEST, TRIAL = "baseline", "best", "trial"
FORMS = "baseline, baseline:NAME, best, or trial:N"


@dataclass(frozen=True)
class BaseParameters:
    """Parameters of a space, and where they are from: `searched` and `origin` are the manifest and the name of the
    study of a search, None unless they are from one.
    """

    name: str
    params: Mapping[str, Scalar]
    searched: Manifest | None = None
    origin: str | None = None


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


def baseline_base(space: Space, at: str) -> BaseParameters:
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
    return BaseParameters(f"baseline {found.name}", dict(found.params))


def trial_base(shared: SharedStudy, at: str) -> BaseParameters:
    """The trial of a search that `--at` names.

    Raises:
        UsageError: the study has no such completed trial.
    """
    ranked = ranked_trials(shared)
    if not ranked:
        raise UsageError(f"the study {shared.name} has no completed trial yet, and {at!r} names one")
    if at == BEST:
        return _of_trial(shared, ranked[0])
    number = int(at.partition(":")[2])
    for trial in ranked:
        if trial.number == number:
            return _of_trial(shared, trial)
    listed = ", ".join(str(number) for number in sorted(trial.number for trial in ranked))
    raise UsageError(f"the study {shared.name} has no completed trial {number}: completed are {listed}")


def ranked_trials(shared: SharedStudy) -> tuple[TrialFacts, ...]:
    """The completed trials of a search, best first.

    Raises:
        UsageError: the study is a comparison, and searched nothing.
    """
    return searched_facts(shared).ranked


def searched_facts(shared: SharedStudy) -> StudyFacts:
    """A search as it is now.

    Raises:
        UsageError: the study is a comparison, and searched nothing.
    """
    if not shared.manifest.is_search:
        raise UsageError(
            f"the study {shared.name} is a comparison itself: name that of a search, made by search.launch"
        )
    return gather_facts(shared)


def _of_trial(shared: SharedStudy, trial: TrialFacts) -> BaseParameters:
    name = f"trial {trial.number} of {shared.name}"
    return BaseParameters(name, dict(trial.params), shared.manifest, shared.name)
