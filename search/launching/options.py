"""The options of a launch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from search.host.ends import End
from search.launching.study_options import StudyOptions
from search.trackers.tracking import Tracking
from search.workers.settings import WorkerSettings
from spaces.selection import Select
from spaces.validation import Validation
from storage import SharedStudy


@dataclass(frozen=True)
class FinishedSearch:
    """A search whose trials are done, for its answer: the study, how workers run, and where to say what is going on.
    `leaving` tells whether the launch was told to leave meanwhile, and how it ends then; DONE unless it was.
    """

    shared: SharedStudy
    storage: str
    workers: WorkerSettings
    quiet: bool
    say: Callable[[str], None]
    leaving: Callable[[], End] = lambda: End.DONE


@dataclass(frozen=True)
class Answering:
    """How a search ends with an answer: `give` races its best trials with workers of this machine, and returns how that
    ended; workers elsewhere do it themselves. The race takes at most `share` of the epochs that the search's trials may
    take.
    """

    share: float
    give: Callable[[FinishedSearch, float], End]


@dataclass(frozen=True, kw_only=True)
class LaunchOptions(StudyOptions):
    """The flags of `python -m search.launch`; None where one wasn't given. `placed` has workers elsewhere run the
    study, and returns how that ended so far; None for workers on this machine. `answering` is None for no answer.
    `place` has the fields of the study's place in the queue that were given.
    """

    space: str
    n_trials: int | None = None
    sampler: str | None = None
    pruner: str | None = None
    select: Select | None = None
    validation: Validation | None = None
    only: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    limit: str | None = None
    baselines: bool = False
    target: float | None = None
    patience: int | None = None
    until_converged: float | None = None
    time_epoch: bool = False
    format_: Literal["table", "json"] = "table"
    tracking: Tracking = field(default_factory=Tracking)
    placed: Callable[[SharedStudy], End] | None = None
    place: Mapping[str, Any] = field(default_factory=dict)
    answering: Answering | None = None
