"""The flags of the commands that make a study of replicates; None where one wasn't given."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from search.workers.settings import WorkerSettings
from spaces.class_weight import ClassWeight
from spaces.metrics import MetricName
from spaces.precision import Precision
from spaces.resizing import ImageSize, Resize
from storage.default_url import DEFAULT_STORAGE

Format = Literal["table", "json", "csv", "md", "latex"]

DEFAULT_SEEDS = 8
DEFAULT_MARGIN = 0.5
DEFAULT_MAX_SEEDS = 30
DEFAULT_ANSWER_SHARE = 0.3
POINT = 0.01
LEVEL = 0.05


@dataclass(frozen=True)
class StudyFlags:
    """What every command that makes a study of replicates is told. `margin` is in points, hundredths of the score."""

    storage: str = DEFAULT_STORAGE
    study_name: str | None = None
    dataset: str | None = None
    seeds: int | None = None
    epochs: int | None = None
    batch_size: tuple[int, ...] = ()
    precision: Precision | None = None
    objective: MetricName | None = None
    report_metrics: tuple[MetricName, ...] | None = None
    class_weight: tuple[ClassWeight, ...] = ()
    artifact_store: str | None = None
    seed: int | None = None
    limit_train: int | None = None
    validation_share: float | None = None
    image_size: ImageSize | None = None
    resize: Resize | None = None
    margin: float = DEFAULT_MARGIN
    dry_run: bool = False
    format_: Format = "table"
    output: Path | None = None
    force: bool = False
    quiet: bool = False
    workers: WorkerSettings = field(default_factory=WorkerSettings)

    @property
    def wanted_seeds(self) -> int:
        """How many replicates each arm gets, at first if there may be more."""
        return DEFAULT_SEEDS if self.seeds is None else self.seeds


@dataclass(frozen=True)
class CompareOptions(StudyFlags):
    """What to compare: an axis of a space, configurations in files, or the arms of an article."""

    space: str | None = None
    axis: str | None = None
    choices: tuple[str, ...] = ()
    at: str | None = None
    origin: str | None = None
    settings: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    tune: int | None = None
    sampler: str | None = None
    arms: tuple[Path, ...] = ()
    published: str | None = None
    experiment: str | None = None
    until_decided: bool = False
    anytime: bool = False
    max_seeds: int | None = None


@dataclass(frozen=True)
class ExplainOptions(StudyFlags):
    """Which settings of a search, or of a space, to screen: those in which `start` and `end` differ, and those with
    `levels`; of these, the `settings`, if any are named. An `ablation` instead follows the path from one to the other.
    """

    space: str | None = None
    origin: str | None = None
    start: str | None = None
    end: str | None = None
    settings: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    ablation: bool = False


@dataclass(frozen=True)
class NoiseOptions(StudyFlags):
    """Of which configuration to measure the noise. `seeds` is the number of seeds of each kind."""

    space: str | None = None
    origin: str | None = None
    at: str | None = None


@dataclass(frozen=True)
class AnswerOptions(StudyFlags):
    """Which search to end with an answer: its `top` best trials race, or as many as can't be told from the best; for at
    most `answer_share` of the epochs that the search's trials may take, unless the replicates are given. An `anytime`
    race is judged after every replicate.
    """

    origin: str | None = None
    top: int | None = None
    answer_share: float = DEFAULT_ANSWER_SHARE
    anytime: bool = False
    space: str | None = None


@dataclass(frozen=True)
class ConfirmOptions(StudyFlags):
    """Which trials of which search to train again."""

    origin: str | None = None
    top: int = 3
    space: str | None = None
