"""The protocol of a worker and its trainer: one JSON document per line, over two pipes.

The worker sends Train and Stop; the trainer answers Ready once, then for each job any number of EpochEnd and Warned,
and one of Trained, Stopped or Failed. A trainer whose worker is gone (end of file on its input) exits at once.
"""

from typing import Literal

import msgspec

from spaces.class_weight import ClassWeight
from spaces.configuration import Configuration
from spaces.epoch_scores import EpochScores
from spaces.estimate import Estimate
from spaces.failure_kind import FailureKind
from spaces.metrics import DEFAULT_METRIC, MetricName
from spaces.precision import Precision
from spaces.resizing import AS_FOUND, Resizing
from spaces.selection import Select

Part = Literal["test", "validation"]

CHECKPOINT_EVERY_S = 1.0  # taking and writing a state costs a short epoch more than repeating it after a kill


class DataSource(msgspec.Struct, frozen=True):
    """The images to train on: a data set's name, `.npz` file or folder, and the directory that holds named ones.

    `limit_train` keeps that many training images (None: all), chosen by the split's seed, stratified by class.
    `decoded` is the folder where the same images may lie decoded (search/study/images.py): then they are taken from it.
    `resizing` is what images of a folder are brought to. With `folds`, the training images are as many parts, of which
    `fold`, counted from 0, is for validation; a training job trains on each of them, whatever its `fold`. With `rest`,
    the training images beyond `limit_train` are the test images. Images of another `fingerprint` are refused; None
    takes any.
    """

    dataset: str
    data_dir: str | None = None
    validation_fraction: float = 0.2
    limit_train: int | None = None
    decoded: str | None = None
    resizing: Resizing = AS_FOUND
    folds: int = 0
    fold: int = 0
    rest: bool = False
    fingerprint: str | None = None


class Train(msgspec.Struct, frozen=True, tag="train"):
    """A job: train one configuration from its first, or from its last checkpointed, to its last epoch.

    `seed` decides initial weights, dropout masks and, unless there is an `order_seed`, the order of images and their
    augmentation; `split_seed` the validation images. `checkpoints` is the slot's folder; this attempt writes
    `token-{token}.npz` in it and may resume from any other file there. `model_path` is where the trained model goes
    (.keras), None to keep none. Neither is one kept whose value by `objective` and `select` is worse than
    `value_to_beat`. `precision` is what the model computes in; weights are float32. `owner` is the job's study and
    slot: it doesn't resume from the checkpoint of another. `report_metrics` are measured after each epoch next to the
    objective. `class_weight` is how much images count in the training loss. There is a checkpoint at most every
    `checkpoint_every` seconds, and after each of the epochs `checkpoint_after`. `limits` are the most of sizes of the
    model (spaces/limits.py): one that breaks them isn't trained, and the job fails as infeasible.
    """

    job: int
    configuration: Configuration
    space: str
    data: DataSource
    epochs: int
    batch_size: int
    seed: int
    split_seed: int
    token: int
    checkpoints: str | None = None
    model_path: str | None = None
    objective: MetricName = DEFAULT_METRIC
    value_to_beat: float | None = None
    select: Select = "last"
    precision: Precision = "float32"
    owner: str = ""
    checkpoint_every: float = CHECKPOINT_EVERY_S
    checkpoint_after: tuple[int, ...] = ()
    order_seed: int | None = None
    report_metrics: tuple[MetricName, ...] = ()
    class_weight: ClassWeight = "none"
    limits: dict[str, float] = {}


class Evaluate(msgspec.Struct, frozen=True, tag="evaluate"):
    """A job: the scores of a saved model on the test or validation images. Its `space` defines the layers of its own,
    if any. `precision` is what it was trained in. `metrics` are measured next to accuracy and loss, with
    intervals. With `validation_confusion`, which classes it takes the validation images for is counted as well.
    """

    job: int
    space: str
    data: DataSource
    split_seed: int
    batch_size: int
    model_path: str
    part: Part = "test"
    precision: Precision = "float32"
    metrics: tuple[MetricName, ...] = ()
    validation_confusion: bool = False


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End this job at the next opportunity; its checkpoint stays."""

    job: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The trainer has imported Keras, with this backend, on this device."""

    backend: str
    device: str


class EpochEnd(msgspec.Struct, frozen=True, tag="epoch"):
    """An epoch is finished, and written if it has a checkpoint; or, with `replayed`, was so earlier. `ended_folds`
    are the folds of the job that it ends, 0 unless it ends one; the scores are the mean over them.
    """

    job: int
    scores: EpochScores
    replayed: bool = False
    checkpointed: bool = True
    ended_folds: int = 0


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """An epoch that takes seconds is under way: at least `done` of its `steps` are. It comes at most once a second."""

    job: int
    done: int
    steps: int


class Warned(msgspec.Struct, frozen=True, tag="warned"):
    """Something the user should know, which doesn't end the trial (a checkpoint that couldn't be written)."""

    job: int
    message: str


class Trained(msgspec.Struct, frozen=True, tag="trained"):
    """The job went through its epochs. `diverged` says why it ended early: its loss was no longer finite; `over` says
    why its configuration ended it early. `kept_epoch`, counted from 1, is that to whose model it went back; None: the
    model is that of the last epoch. `not_kept` says why the model can't be kept, whatever its score.
    """

    job: int
    parameters: int
    epochs: int
    diverged: str | None = None
    peak_memory_mb: float | None = None
    over: str | None = None
    kept_epoch: int | None = None
    not_kept: str | None = None


class Evaluated(msgspec.Struct, frozen=True, tag="evaluated"):
    """The scores on the images, and their number. `confusion` counts, for each class (row), for which class (column)
    its images were taken; `validation_confusion` the same of the validation images, if it was asked for. `metrics` are
    those that were asked for, as far as they are defined.
    """

    job: int
    loss: float
    accuracy: float
    n: int
    confusion: tuple[tuple[int, ...], ...] = ()
    validation_confusion: tuple[tuple[int, ...], ...] = ()
    metrics: dict[MetricName, Estimate] = {}


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """The job ended because of a Stop."""

    job: int


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job failed: the kind decides whether another attempt makes sense."""

    job: int
    kind: FailureKind
    reason: str


Command = Train | Evaluate | Stop
JobMessage = EpochEnd | Progress | Warned | Trained | Evaluated | Stopped | Failed
Message = Ready | JobMessage
