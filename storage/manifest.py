"""The manifest: what a study searches and how, stored with it, so that a worker needs nothing but URL and name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from spaces.class_weight import ClassWeight
from spaces.epoch_scores import EpochScores
from spaces.metrics import Direction, MetricName
from spaces.precision import Precision
from spaces.resizing import AS_FOUND, ImageSize, Resizing
from spaces.selection import Select, selection_value
from spaces.validation import FIXED, Validation
from storage.comparison import Comparison
from storage.errors import NotAStudyDatabase, SchemaTooNew
from storage.masking import hide_in_command
from storage.objective import Objective
from storage.records import Scalar

MANIFEST_VERSION = 14
PROMOTING_SINCE = 12  # the pruner `asha` of earlier studies ends trials, as `asha-stop` does

IDENTITY = (
    "space",
    "space_version",
    "space_fingerprint",
    "dataset",
    "dataset_fingerprint",
    "epochs",
    "batch_size",
    "batch_sizes",
    "precision",
    "objective",
    "report_metrics",
    "class_weight",
    "class_weights",
    "sampler",
    "pruner",
    "select",
    "seed",
    "validation_fraction",
    "limit_train",
    "validation",
    "resizing",
    "image_sizes",
    "fixed",
    "only",
    "ranges",
    "limits",
)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the workers of a study must agree on, and what the study was made with.

    `space` is a reference that `spaces.resolve` understands, `dataset` one that the data sets' registry does; the
    fingerprints are SHA-256 in hexadecimal. `image_shape` is (height, width, channels) in pixels. `limit_train` keeps
    that many training images, None all. `validation` says which images trials are validated and scored on,
    `resizing` what images of a folder are brought to. `precision` is what models compute in. A slot is given up after
    `max_attempts` crashes in a row without a new epoch. `lease_s` is how long, in seconds, a silent worker keeps its
    slot. `top_models` trials keep their model.
    `artifacts` is the folder of the study's files; `artifact_store` is the s3:// URL of a store for checkpoints and
    models, None if that is in the folder. `created_at` is ISO 8601, UTC. `fixed` are parameters of the space that
    have one value throughout the study, `only` those of which it tries the listed values alone, `ranges` those whose
    bounds, both included, are narrower than the space's; `limits` are the most of sizes of a model that trials may
    have (spaces/limits.py). `batch_sizes` are the choices of a parameter `batch_size` that
    the study adds to the space's own, none if all trials have `batch_size`, which is the largest otherwise.
    With `own_validation` the images came with those for
    validation, and no split draws any. `class_counts` are the images of each class in training, validation and test,
    in the order of `classes`, for the study's seed; `inventory` is what reading the images found
    (search/datasets/inventory.py). Both are empty in studies of earlier releases. `comparison` is there if the study
    compares given configurations; its slots' one parameter is then the arm. `folder_marked` says that the study's
    folder carries a mark, as those of the first releases don't. `question` is the space's, as those who read the study
    may not have that. `report_metrics` are measured after each epoch next to the objective. `select` says by
    which value a trial is ranked (spaces/selection.py); studies of earlier releases have the last epoch's.
    `class_weight` is how much images count in the training loss where a configuration doesn't say it, `class_weights`
    are the choices of a parameter of that name that the study adds to the space's own, none if it adds none.
    `image_sizes`, from the smallest to the largest, are those of a parameter `image_size`; `resizing`, `image_shape`
    and the images' fingerprint are then those of the largest.
    """

    space: str
    space_version: int
    space_fingerprint: str
    dataset: str
    dataset_fingerprint: str
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    n_train: int
    n_validation: int
    n_test: int
    epochs: int
    batch_size: int
    objective: MetricName
    direction: Direction
    sampler: str
    pruner: str
    seed: int
    artifacts: str
    created_at: str
    validation_fraction: float = 0.2
    limit_train: int | None = None
    validation: Validation = FIXED
    resizing: Resizing = AS_FOUND
    max_attempts: int = 3
    lease_s: float = 30.0
    top_models: int = 3
    versions: dict[str, str] = {}
    artifact_store: str | None = None
    data_dir: str | None = None
    command: str = ""
    fixed: dict[str, Scalar] = {}
    only: dict[str, tuple[Scalar, ...]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    limits: dict[str, float] = {}
    batch_sizes: tuple[int, ...] = ()
    comparison: Comparison | None = None
    precision: Precision = "float32"
    own_validation: bool = False
    class_counts: dict[str, tuple[int, ...]] = {}
    inventory: dict[str, Any] = {}
    folder_marked: bool = False
    question: str = ""
    report_metrics: tuple[MetricName, ...] = ()
    select: Select = "last"
    class_weight: ClassWeight = "none"
    class_weights: tuple[ClassWeight, ...] = ()
    image_sizes: tuple[ImageSize, ...] = ()
    schema_version: int = MANIFEST_VERSION

    @property
    def goal(self) -> Objective:
        """The study's objective, which ranks trials."""
        return Objective(self.objective, self.direction)

    @property
    def is_search(self) -> bool:
        """Whether the study searches a space; else it compares given configurations."""
        return self.comparison is None

    @property
    def models_kept(self) -> int | None:
        """How many of the best trials keep their model; None in a comparison, whose arms have one each."""
        return self.top_models if self.is_search else None

    def value_of(self, curve: Sequence[EpochScores]) -> float | None:
        """The value of a trial after these epochs, by which it is ranked and judged; None where the last one's isn't a
        finite number.
        """
        return selection_value(self.select, self.objective, curve)

    @property
    def guess(self) -> float:
        """The objective's value by guessing."""
        return self.goal.guess(len(self.classes))

    @property
    def epochs_per_trial(self) -> int:
        """The most epochs of a trial: those of its models on all folds, if there are any."""
        return self.epochs * (self.validation.folds or 1)

    @property
    def n_scored(self) -> int:
        """How many images the score of a whole trial is of: those for validation, and with folds each of all once."""
        return self.n_train + self.n_validation if self.validation.folds else self.n_validation

    @property
    def batch_pixels(self) -> int:
        """The pixels of the study's largest batch of images."""
        height, width, _ = self.image_shape
        return self.batch_size * height * width

    def pruner_meant(self, name: str) -> str:
        """The pruner that has the name in commands of the time when the study was made."""
        return "asha-stop" if name == "asha" and self.schema_version < PROMOTING_SINCE else name

    def identity(self) -> dict[str, Any]:
        """The fields that every process which joins the study must agree with. Paths aren't among them:
        fingerprints identify what is there.
        """
        fields = {field: getattr(self, field) for field in IDENTITY}
        return {**fields, "space": without_folder(self.space), "dataset": "" if is_path(self.dataset) else self.dataset}

    def to_json(self) -> str:
        """The manifest as one line of JSON with sorted keys."""
        return msgspec.json.encode(self, order="deterministic").decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The manifest that `to_json` wrote.

        Raises:
            SchemaTooNew: a newer release wrote it.
            NotAStudyDatabase: it is damaged.
        """
        try:
            require_known_version(text)
            stored = msgspec.json.decode(text, type=cls)
            # Releases before passwords were masked stored those of URLs that were typed.
            command = hide_in_command(stored.command)
            return msgspec.structs.replace(stored, command=command, pruner=stored.pruner_meant(stored.pruner))
        except msgspec.MsgspecError as error:
            raise NotAStudyDatabase(f"the study's manifest can't be read: {error}") from error


def is_path(ref: str) -> bool:
    """Whether a reference says where something lies, instead of naming it."""
    return Path(ref).is_absolute()


def without_folder(ref: str) -> str:
    """A reference to a file's member without the folder that the file lies in."""
    return Path(ref).name if is_path(ref) else ref


class _Version(msgspec.Struct):
    schema_version: int


def require_known_version(text: str) -> None:
    """Raises SchemaTooNew if a newer release wrote this manifest."""
    found = msgspec.json.decode(text, type=_Version).schema_version
    if found > MANIFEST_VERSION:
        raise SchemaTooNew(
            f"the study's manifest has version {found}, and this release knows versions up to {MANIFEST_VERSION}: "
            "use the release that made the study, or a newer one"
        )
