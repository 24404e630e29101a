"""What a worker needs for every slot, gathered once."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from optuna.pruners import BasePruner

from search.notify.notifier import Notifier
from search.study.folders import StudyFolder
from search.trainers.protocol import DataSource
from search.workers.assignment import Assignment
from search.workers.checkpoint_mirror import CheckpointMirror
from search.workers.epoch_progress import EpochProgress
from search.workers.job_end import JobEnd
from search.workers.trainer_client import TrainerClient
from spaces.space import Space
from storage import SharedStudy


@dataclass(frozen=True)
class Limits:
    """What a worker allows: seconds and resident MB per trial (None: any), and seconds that the database may be away
    before the worker lets go of its slot.
    """

    trial_timeout_s: float | None = None
    trial_memory_mb: float | None = None
    outage_s: float = 600.0


@dataclass(frozen=True)
class WorkerContext:
    """The study, the space, the pruner and the trainer that a worker's slots have in common. `held` is closed when the
    worker leaves the study.
    """

    worker_id: str
    shared: SharedStudy
    space: Space
    space_ref: str
    pruner: BasePruner
    data: DataSource
    folder: StudyFolder
    trainer: TrainerClient
    mirror: CheckpointMirror | None = None
    limits: Limits = field(default_factory=Limits)
    job_end: JobEnd = field(default_factory=JobEnd)
    assignment: Assignment = field(default_factory=Assignment)
    progress: EpochProgress = field(default_factory=EpochProgress)
    notifier: Notifier = field(default_factory=Notifier)
    held: ExitStack = field(default_factory=ExitStack)
