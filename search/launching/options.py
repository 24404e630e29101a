"""The options of a launch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from search.host.ends import End
from search.trackers.tracking import Tracking
from search.workers.settings import WorkerSettings
from spaces.class_weight import ClassWeight
from spaces.metrics import MetricName
from spaces.precision import Precision
from spaces.resizing import ImageSize, Resize
from spaces.selection import Select
from spaces.validation import Validation
from storage import SharedStudy
from storage.default_url import DEFAULT_STORAGE


@dataclass(frozen=True)
class FinishedSearch:
    """A search whose trials are done, for its answer: the study, how workers run, and where to say what is going on."""

    shared: SharedStudy
    storage: str
    workers: WorkerSettings
    quiet: bool
    say: Callable[[str], None]


@dataclass(frozen=True)
class LaunchOptions:
    """The flags of `python -m search.launch`; None where one wasn't given. `placed` has workers elsewhere run the
    study, and returns how that ended so far; None for workers on this machine. `answerer` ends a finished search with
    an answer; None for none. `place` has the fields of the study's place in the queue that were given.
    """

    space: str
    storage: str = DEFAULT_STORAGE
    study_name: str | None = None
    dataset: str | None = None
    n_trials: int | None = None
    epochs: int | None = None
    batch_size: tuple[int, ...] = ()
    precision: Precision | None = None
    sampler: str | None = None
    pruner: str | None = None
    select: Select | None = None
    objective: MetricName | None = None
    report_metrics: tuple[MetricName, ...] | None = None
    class_weight: tuple[ClassWeight, ...] = ()
    artifact_store: str | None = None
    seed: int | None = None
    limit_train: int | None = None
    validation_share: float | None = None
    validation: Validation | None = None
    image_size: ImageSize | None = None
    resize: Resize | None = None
    only: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    limit: str | None = None
    baselines: bool = False
    target: float | None = None
    patience: int | None = None
    until_converged: float | None = None
    dry_run: bool = False
    time_epoch: bool = False
    format_: Literal["table", "json"] = "table"
    quiet: bool = False
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    tracking: Tracking = field(default_factory=Tracking)
    placed: Callable[[SharedStudy], End] | None = None
    place: Mapping[str, Any] = field(default_factory=dict)
    answerer: "Callable[[FinishedSearch], End] | None" = None
