"""A job from its command to its last message: build, resume, train epoch by epoch, save.

Train -> split, space -> model -> epochs -> EpochEnd … -> Trained | Stopped
"""

import hashlib
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from search.protocol import DataSource, EpochEnd, Evaluate, Evaluated, Message, Stopped, Train, Trained, Warned
from search.training.checkpoint import Checkpoints, Resumed
from search.training.datasets import load_dataset
from search.training.description import write_beside
from search.training.device import precision_wanted, set_precision
from search.training.fit import Epochs, EpochScores, Stop, run_epochs
from search.training.keras_runner import evaluate
from search.training.model import compile_for_scores
from search.training.overlap import Ahead
from search.training.recent import Recent
from search.training.split import Split, split
from search.training.trainee import Trainee
from search.training.trainees import Trainees, forget_models
from spaces import Space, load_space
from spaces.errors import SpaceError

CACHED_SPLITS = 2
CACHED_SPACES = 8
NOTHING = Resumed((), ())


@dataclass(frozen=True, eq=False)
class Prepared:
    """Data that has been read and split, and what trains on it."""

    data: Split
    trainees: Trainees


@dataclass(frozen=True, eq=False)
class TrainedEpoch:
    """The scores of an epoch, and the state of the trainee after it."""

    scores: EpochScores
    values: Sequence[NDArray[Any]]


class Jobs:
    """Does jobs one after another, and keeps what they share: data that has been read and split, programs, and spaces.

    What it raises ends the job and not the process: see `outcome`.
    """

    def __init__(self) -> None:
        set_precision(precision_wanted())
        self._splits = Recent[tuple[DataSource, int], Prepared](CACHED_SPLITS)
        self._spaces = Recent[str, Space](CACHED_SPACES)

    def train(self, job: Train, stop: Stop) -> Iterator[Message]:
        """The messages of a training job, the last a Trained or Stopped. An epoch is reported after its checkpoint,
        while the next one is trained.
        """
        prepared, space = self._prepared(job.data, job.split_seed), self._space(job.space)
        checkpoints = _checkpoints(job, space)
        with prepared.trainees.trainee(job, space) as trainee:
            resumed = checkpoints.resume(trainee) if checkpoints else NOTHING
            yield from (Warned(job.job, problem) for problem in resumed.problems)
            yield from (_epoch_end(job, scores, replayed=True) for scores in resumed.history)
            history = list(resumed.history)
            if not _finished(job, history):
                epochs = Epochs(len(history) + 1, job.epochs, len(prepared.data.x_train), job.seed)
                with Ahead(lambda stop: _trained_epochs(trainee, epochs, stop), stop) as trained:
                    for epoch in trained:
                        history.append(epoch.scores)
                        yield from _save_checkpoint(job, checkpoints, epoch.values, history)
                        yield _epoch_end(job, epoch.scores)
            yield from _ending(job, trainee, history)

    def evaluate(self, job: Evaluate) -> Iterator[Message]:
        """The one message of an evaluation: the scores of a saved model on the test images."""
        self._space(job.space)
        data = self._prepared(job.data, job.split_seed).data
        try:
            model = _load_model(Path(job.model_path))
            compile_for_scores(model)
            score = evaluate(model, data.scaled(data.x_test), data.y_test, job.batch_size)
            yield Evaluated(job.job, score.loss, score.accuracy, len(data.y_test))
        finally:
            forget_models()

    def _prepared(self, source: DataSource, seed: int) -> Prepared:
        def load() -> Prepared:
            dataset = load_dataset(source.dataset, source.data_dir)
            data = split(dataset, source.validation_fraction, seed, source.limit_train)
            return Prepared(data, Trainees(data))

        return self._splits.get((source, seed), load)

    def _space(self, ref: str) -> Space:
        return self._spaces.get(ref, lambda: load_space(ref))


def _trained_epochs(trainee: Trainee, epochs: Epochs, stop: Stop) -> Iterator[TrainedEpoch]:
    return (TrainedEpoch(scores, trainee.values()) for scores in run_epochs(trainee, epochs, stop))


def _checkpoints(job: Train, space: Space) -> Checkpoints | None:
    return None if job.checkpoints is None else Checkpoints(Path(job.checkpoints), job.token, _identity(job, space))


def _identity(job: Train, space: Space) -> str:
    """What a checkpoint must agree in to be resumed from. The directory of the data may differ between hosts."""
    data = msgspec.structs.replace(job.data, data_dir=None)
    decisive = (space.name, space.version, job.configuration, data, job.batch_size, job.seed, job.split_seed)
    return hashlib.sha256(msgspec.json.encode(decisive, order="deterministic")).hexdigest()


def _finished(job: Train, history: Sequence[EpochScores]) -> bool:
    return len(history) >= job.epochs or _diverged(history) is not None


def _diverged(history: Sequence[EpochScores]) -> str | None:
    return history[-1].diverged if history else None


def _save_checkpoint(
    job: Train, checkpoints: Checkpoints | None, values: Sequence[NDArray[Any]], history: Sequence[EpochScores]
) -> Iterator[Warned]:
    if checkpoints is None:
        return
    try:
        checkpoints.save(values, history)
    except OSError as error:
        yield Warned(job.job, f"the checkpoint of epoch {len(history)} couldn't be written, training goes on: {error}")


def _epoch_end(job: Train, scores: EpochScores, *, replayed: bool = False) -> EpochEnd:
    return EpochEnd(job.job, **msgspec.structs.asdict(scores), replayed=replayed)


def _ending(job: Train, trainee: Trainee, history: Sequence[EpochScores]) -> Iterator[Message]:
    diverged = _diverged(history)
    if not _finished(job, history):
        yield Stopped(job.job, len(history))
        return
    if job.model_path is not None and diverged is None:
        yield from _save_model(job, trainee.keras_model(), Path(job.model_path))
    yield Trained(job.job, trainee.parameters, len(history), diverged, _peak_memory_mb())


def _save_model(job: Train, model: Any, path: Path) -> Iterator[Warned]:
    part = path.with_name(f".{path.stem}.part.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(part)
        part.replace(path)
        write_beside(path, model, job.configuration)
    except OSError as error:
        part.unlink(missing_ok=True)
        yield Warned(job.job, f"the model couldn't be written to {path}: {error}")


def _load_model(path: Path) -> Any:
    import keras

    if not path.is_file():
        raise FileNotFoundError(f"there is no model {path}")
    try:
        return keras.saving.load_model(path, compile=False)
    except (TypeError, ValueError) as error:
        raise SpaceError(
            f"the model {path} can't be loaded: {error}. "
            "Layers of one's own need @keras.saving.register_keras_serializable() and a get_config()."
        ) from error


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
