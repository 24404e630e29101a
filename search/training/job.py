"""A job from its command to its last message: build, resume, train epoch by epoch, save.

Train -> split, space -> model -> epochs -> EpochEnd … -> Trained | Stopped
"""

import gc
import hashlib
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from search.protocol import DataSource, EpochEnd, Evaluate, Evaluated, Message, Stopped, Train, Trained, Warned
from search.training.checkpoint import Checkpoints
from search.training.datasets import load_dataset
from search.training.fit import EpochRunner, Epochs, EpochScores, Stop, run_epochs
from search.training.keras_runner import evaluate
from search.training.model import Setting, build_model, compile_for_scores, compile_model
from search.training.recent import Recent
from search.training.runner import make_runner
from search.training.split import Split, split
from spaces import Space, load_space
from spaces.errors import SpaceError

CACHED_SPLITS = 2
CACHED_SPACES = 8
SEEDS = 2**32

RunnerFactory = Callable[[Any, Split, int], EpochRunner]


class Jobs:
    """Does jobs one after another, and keeps what they share: data that has been read and split, and spaces.

    What it raises ends the job and not the process: see `outcome`.
    """

    def __init__(self, make_runner: RunnerFactory = make_runner) -> None:
        self._make_runner = make_runner
        self._splits = Recent[tuple[DataSource, int], Split](CACHED_SPLITS)
        self._spaces = Recent[str, Space](CACHED_SPACES)

    def train(self, job: Train, stop: Stop) -> Iterator[Message]:
        """The messages of a training job, the last a Trained or Stopped. An epoch is reported after its checkpoint."""
        try:
            yield from self._train(job, stop)
        finally:
            _forget_model()

    def evaluate(self, job: Evaluate) -> Iterator[Message]:
        """The one message of an evaluation: the scores of a saved model on the test images."""
        self._space(job.space)
        data = self._split(job.data, job.split_seed)
        try:
            model = _load_model(Path(job.model_path))
            compile_for_scores(model)
            score = evaluate(model, data.scaled(data.x_test), data.y_test, job.batch_size)
            yield Evaluated(job.job, score.loss, score.accuracy, len(data.y_test))
        finally:
            _forget_model()

    def _train(self, job: Train, stop: Stop) -> Iterator[Message]:
        data, space = self._split(job.data, job.split_seed), self._space(job.space)
        model = _new_model(job, space, data)
        checkpoints = _checkpoints(job, space)
        resumed = checkpoints.resume(model) if checkpoints else None
        history = list(resumed.history) if resumed else []
        yield from (Warned(job.job, problem) for problem in (resumed.problems if resumed else ()))
        yield from (_epoch_end(job, scores, replayed=True) for scores in history)
        if not _finished(job, history):
            epochs = Epochs(len(history) + 1, job.epochs, len(data.x_train), job.seed)
            for scores in run_epochs(self._make_runner(model, data, job.batch_size), epochs, stop):
                history.append(scores)
                yield from _save_checkpoint(job, checkpoints, model, history)
                yield _epoch_end(job, scores)
        yield from _ending(job, model, history)

    def _split(self, source: DataSource, seed: int) -> Split:
        def load() -> Split:
            dataset = load_dataset(source.dataset, source.data_dir)
            return split(dataset, source.validation_fraction, seed, source.limit_train)

        return self._splits.get((source, seed), load)

    def _space(self, ref: str) -> Space:
        return self._spaces.get(ref, lambda: load_space(ref))


def _new_model(job: Train, space: Space, data: Split) -> Any:
    import keras

    keras.utils.set_random_seed(job.seed % SEEDS)
    setting = Setting(data.image_shape, len(data.classes), data.steps_per_epoch(job.batch_size))
    model = build_model(space, job.configuration, setting)
    compile_model(model, job.configuration)
    return model


def _forget_model() -> None:
    """Keras keeps what belongs to a model until it is told to let go."""
    import keras

    keras.utils.clear_session()
    gc.collect()


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
    job: Train, checkpoints: Checkpoints | None, model: Any, history: Sequence[EpochScores]
) -> Iterator[Warned]:
    if checkpoints is None:
        return
    try:
        checkpoints.save(model, history)
    except OSError as error:
        yield Warned(job.job, f"the checkpoint of epoch {len(history)} couldn't be written, training goes on: {error}")


def _epoch_end(job: Train, scores: EpochScores, *, replayed: bool = False) -> EpochEnd:
    return EpochEnd(job.job, **msgspec.structs.asdict(scores), replayed=replayed)


def _ending(job: Train, model: Any, history: Sequence[EpochScores]) -> Iterator[Message]:
    diverged = _diverged(history)
    if not _finished(job, history):
        yield Stopped(job.job, len(history))
        return
    if job.model_path is not None and diverged is None:
        yield from _save_model(job, model, Path(job.model_path))
    yield Trained(job.job, model.count_params(), len(history), diverged, _peak_memory_mb())


def _save_model(job: Train, model: Any, path: Path) -> Iterator[Warned]:
    part = path.with_name(f".{path.stem}.part.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(part)
        part.replace(path)
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
