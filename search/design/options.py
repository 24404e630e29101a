"""The flags of the commands that make a study of replicates; None where one wasn't given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from search.launching.study_options import StudyOptions

Format = Literal["table", "json", "csv", "md", "latex"]

DEFAULT_SEEDS = 8
DEFAULT_MARGIN = 0.5
DEFAULT_MAX_SEEDS = 30
DEFAULT_ANSWER_SHARE = 0.3
POINT = 0.01
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class StudyFlags(StudyOptions):
    """What every command that makes a study of replicates is told. `margin` is in points, hundredths of the score."""

    seeds: int | None = None
    margin: float = DEFAULT_MARGIN
    format_: Format = "table"
    output: Path | None = None
    force: bool = False

    @property
    def wanted_seeds(self) -> int:
        """How many replicates each arm gets, at first if there may be more."""
        return DEFAULT_SEEDS if self.seeds is None else self.seeds


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class NoiseOptions(StudyFlags):
    """Of which configuration to measure the noise. `seeds` is the number of seeds of each kind."""

    space: str | None = None
    origin: str | None = None
    at: str | None = None


@dataclass(frozen=True, kw_only=True)
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


@dataclass(frozen=True, kw_only=True)
class ConfirmOptions(StudyFlags):
    """Which trials of which search to train again."""

    origin: str | None = None
    top: int = 3
    space: str | None = None
