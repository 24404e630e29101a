"""A job from its command to its last message: build, resume, train epoch by epoch, save.

Train -> split, space -> model -> epochs -> EpochEnd … -> Trained | Stopped
"""

import hashlib
import resource
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from search.datasets import DataError, DataSet, load_dataset
from search.datasets.mapped import open_mapped
from search.trainers.protocol import DataSource, Evaluate, Evaluated, Message, Stopped, Train, Trained, Warned
from search.training.backends.process import compiling_backend, set_precision
from search.training.backends.protocol import TracedStore
from search.training.data.preprocessing import Preprocessed, Preprocessing, preprocess
from search.training.data.split import Fold, Split, split
from search.training.epochs.epochs import Stop
from search.training.epochs.trainable_model import TrainableModel
from search.training.jobs.checkpoint import Checkpoints
from search.training.jobs.evaluation import Evaluation, evaluation
from search.training.jobs.fold_epochs import FoldEpochs
from search.training.jobs.prefetcher import Prefetcher
from search.training.jobs.run import Run, Values, diverged, finished
from search.training.jobs.stopping import kept_epoch, why_over
from search.training.jobs.trainable_models import TrainableModels, forget_models
from search.training.lru_cache import LruCache
from search.training.measuring.measurement import Measurement, Measurements
from search.training.models.building import without_recorder
from search.training.models.fresh_weights import Contents, FreshWeights
from search.training.models.keeping import Keepable
from search.training.models.keras_settings import kept_settings
from search.training.models.model_files import load_model, save_model
from search.training.shared_programs.program_cache import ProgramCache
from spaces import Space, load_space
from spaces.costs import Cost
from spaces.epoch_scores import EpochScores
from spaces.errors import Infeasible
from spaces.limits import broken_by
from spaces.metrics import METRICS, MetricName
from spaces.resizing import AS_FOUND
from spaces.selection import selection_value

CACHED_SPLITS = 2
CACHED_SPACES = 8
KEPT_IMAGES, KEPT_BYTES = 8, 2**30


@dataclass(frozen=True, eq=False)
class Prepared:
    """Data that has been read, split and preprocessed, and what trains on it."""

    preprocessed: Preprocessed
    models: TrainableModels


class Jobs:
    """Does jobs one after another, and keeps what they share: data, read and preprocessed; programs; spaces. Traced
    programs are taken from `traced`, and stored there, if it is given. `say` is given the messages that come while an
    epoch is under way, from another thread.

    What it raises ends the job and not the process: see `failures`.
    """

    def __init__(self, traced: TracedStore | None = None, say: Callable[[Message], None] = lambda _: None) -> None:
        self._say = say
        self._splits = LruCache[tuple[DataSource, int], Split](CACHED_SPLITS)
        self._images = LruCache[DataSource, DataSet](KEPT_IMAGES, KEPT_BYTES, lambda images: images.nbytes)
        self._prepared = LruCache[tuple[DataSource, Preprocessing], Prepared](CACHED_SPLITS)
        self._spaces = LruCache[str, Space](CACHED_SPACES)
        self._backend = compiling_backend()
        self._programs = ProgramCache(self._backend, traced) if self._backend is not None else None
        self._measurements = Measurements()
        self._keepable, self._fresh = Keepable(), FreshWeights()
        self._said = set[str]()  # why models can't be kept
        # One for all jobs: what TensorFlow learns of its kernels as it prepares a program, it keeps by thread.
        self._training = ThreadPoolExecutor(1, "training")

    def train(self, job: Train, stop: Stop) -> Iterator[Message]:
        """The messages of a training job, the last a Trained or Stopped. An epoch is reported after its checkpoint, if
        it has one, while the next one is trained. A job of several folds trains a model on each, one after another.
        """
        space = self._space(job.space)
        set_precision(job.precision)
        run = Run(job, space, _checkpoints(job, space))
        while not run.over:
            yield from self._train_fold(run, stop)

    def _train_fold(self, run: Run, stop: Stop) -> Iterator[Message]:
        """The messages about the current fold, from its first epoch or the one after its last checkpoint."""
        job, rule = run.part, run.job.configuration.early_stopping
        prepared = self._prepare(job.data, Preprocessing.of(job.configuration, job.split_seed))
        measurement = self._measurement(job, prepared.preprocessed.data)
        kept_weights = self._fresh.kept()
        with kept_settings(self._backend), prepared.models.model_for(job, run.space, measurement) as model:
            require_within(job.limits, model.parameters)
            self._require_fresh(run.space, model, kept_weights)
            not_kept = yield from self._remarks(run, model, prepared.preprocessed.warning)
            kept = None if run.resumed else (yield from run.resume(model))
            if not run.resumed:
                return  # the newest checkpoint is damaged, and the one before is of another fold
            history = run.history
            if not finished(job, history):
                epochs = FoldEpochs(job, model, prepared.preprocessed.data, tuple(history), measurement, self._say)
                with Prefetcher(epochs.trained, stop, self._training) as trained:
                    for scores in trained:
                        history.append(scores)
                        run.scores.append(scores)
                        state = epochs.take_state(scores.epoch)
                        if kept_epoch(rule, history) == len(history):
                            kept = state
                        yield from _save_checkpoint(job, run.checkpoints, state, run.scores, kept)
                        yield run.epoch_end(checkpointed=state is not None)
            if not run.ends_with(history):
                run.fold += 1
                return
            run.over = True
            if finished(job, history) and kept is not None:
                model.restore(kept)

            def for_file() -> Any:
                keras_model = model.keras_model()
                bare = keras_model if measurement is None else without_recorder(keras_model)
                return prepared.preprocessed.for_scaled(bare)

            yield from _ending(run, model, history, for_file, not_kept)

    def evaluate(self, job: Evaluate) -> Iterator[Message]:
        """The one message of an evaluation: the scores of a saved model on the test or validation images."""
        self._space(job.space)
        set_precision(job.precision)
        data = self._split(job.data, job.split_seed)
        try:
            model = load_model(Path(job.model_path))
            yield _evaluated(job, model, data)
        finally:
            forget_models()

    def _measurement(self, job: Train, data: Split) -> Measurement | None:
        """What the objective, the report and early stopping need after each epoch."""
        rule = job.configuration.early_stopping
        names = {job.objective, *job.report_metrics, *(() if rule is None else (rule.monitor,))}
        return self._measurements.measurement(tuple(names), data.y_val, len(data.classes))

    def _require_fresh(self, space: Space, model: TrainableModel, kept: Contents) -> None:
        if space.build is not None:
            self._fresh.require(model.keras_model(), kept, space.name)

    def _remarks(self, run: Run, model: TrainableModel, warning: str) -> Generator[Warned, None, str | None]:
        """What is to be said before the first epoch, once; returns why the model can't be kept."""
        not_kept = self._keepable.why_not(model.keras_model()) if run.space.build is not None else None
        yield from self._say_once(run.job, not_kept)
        if warning and not run.resumed:
            yield Warned(run.job.job, warning)
        return not_kept

    def _say_once(self, job: Train, not_kept: str | None) -> Iterator[Warned]:
        if not_kept is not None and not_kept not in self._said:
            self._said.add(not_kept)
            yield Warned(job.job, f"{not_kept}. Its trial goes on, and has its score all the same")

    def _prepare(self, source: DataSource, preprocessing: Preprocessing) -> Prepared:
        def make() -> Prepared:
            preprocessed = preprocess(self._split(source, preprocessing.seed), preprocessing)
            return Prepared(preprocessed, TrainableModels(preprocessed.data, self._backend, self._programs))

        return self._prepared.get((source, preprocessing), make)

    def _split(self, source: DataSource, seed: int) -> Split:
        def load() -> Split:
            fold = Fold(source.fold, source.folds) if source.folds else None
            limit, share = source.limit_train, source.validation_fraction
            return split(self._read(source), share, seed, limit, fold=fold, rest=source.rest)

        return self._splits.get((source, seed), load)

    def _read(self, source: DataSource) -> DataSet:
        """The images. Those of folds are kept, as all folds of all trials have the same; and those of a folder, which
        take long to decode, in each of the sizes that trials have.
        """
        if not source.folds and not Path(source.dataset).is_dir():
            return _read(source)
        images = DataSource(
            source.dataset,
            source.data_dir,
            decoded=source.decoded,
            resizing=source.resizing,
            fingerprint=source.fingerprint,
        )
        return self._images.get(images, lambda: _read(source))

    def _space(self, ref: str) -> Space:
        return self._spaces.get(ref, lambda: load_space(ref))


def require_within(limits: Mapping[str, float], parameters: int) -> None:
    """Raises Infeasible if a model with that many parameters breaks one of the limits of sizes."""
    broken = broken_by(limits, Cost(0, 0, parameters))
    if broken is not None:
        raise Infeasible(broken)


def _evaluated(job: Evaluate, model: Any, data: Split) -> Evaluated:
    """The scores of a model on the images that the job is about."""
    classes = len(data.classes)

    def of(images: NDArray[Any], labels: NDArray[Any], metrics: Sequence[MetricName] = ()) -> Evaluation:
        return evaluation(model, data.scaled(images), labels, classes, job.batch_size, metrics)

    images, labels = (data.x_test, data.y_test) if job.part == "test" else (data.x_val, data.y_val)
    found = of(images, labels, job.metrics)
    validated = of(data.x_val, data.y_val).confusion if job.validation_confusion else ()
    score, metrics = found.score, dict(found.metrics)
    return Evaluated(job.job, score.loss, score.accuracy, len(labels), found.confusion, validated, metrics)


def _read(source: DataSource) -> DataSet:
    decoded = Path(source.decoded) if source.decoded is not None else None
    mapped = open_mapped(decoded) if decoded is not None and decoded.is_dir() else None
    if mapped is not None:
        return mapped
    found = load_dataset(source.dataset, source.data_dir, source.resizing)
    if source.fingerprint and found.fingerprint() != source.fingerprint:
        raise DataError(
            f"the images of {source.dataset} have changed since the study was made: bring the old ones back, or begin "
            "a study of another --study-name"
        )
    return found


def _checkpoints(job: Train, space: Space) -> Checkpoints | None:
    return None if job.checkpoints is None else Checkpoints(Path(job.checkpoints), job.token, _identity(job, space))


def _identity(job: Train, space: Space) -> str:
    """The identity of a checkpoint, which a job must share to resume from it. Where the data lies may differ between
    hosts, and the number of epochs between attempts, unless the learning rate goes by it. The precision is part of it
    only where it isn't float32, so that checkpoints from before there was a choice can be resumed from.
    """
    data = _identity_of(msgspec.structs.replace(job.data, data_dir=None, decoded=None))
    epochs = (job.epochs,) if job.configuration.optimizer.schedule.name == "cosine" else ()
    precision = () if job.precision == "float32" else (job.precision,)
    always = (space.name, space.version, job.configuration, data, job.batch_size, job.seed, job.split_seed)
    owner = (job.owner,) if job.owner else ()
    order = () if job.order_seed is None else (job.order_seed,)
    weights = () if job.class_weight == "none" else (job.class_weight,)
    decisive = (*always, *epochs, *precision, *owner, *order, *weights)
    return hashlib.sha256(msgspec.json.encode(decisive, order="deterministic")).hexdigest()


def _identity_of(source: DataSource) -> msgspec.Raw:
    """A source without what doesn't decide, and what it says only since a later release, where that is as it always
    was. The fingerprint is that of the study, which has the checkpoint.
    """
    fields = msgspec.to_builtins(source)
    del fields["fold"], fields["fingerprint"]  # a job is on all folds
    later = {"resizing": source.resizing != AS_FOUND, "folds": source.folds > 0, "rest": source.rest}
    for name, said in later.items():
        if not said:
            del fields[name]
    return msgspec.Raw(msgspec.json.encode(fields))


def _save_checkpoint(
    job: Train,
    checkpoints: Checkpoints | None,
    values: Values | None,
    history: Sequence[EpochScores],
    kept: Values | None,
) -> Iterator[Warned]:
    if checkpoints is None or values is None:
        return
    try:
        checkpoints.save(values, history, kept)
    except OSError as error:
        yield Warned(job.job, f"the checkpoint of epoch {len(history)} couldn't be written, training goes on: {error}")


def _ending(
    run: Run, model: TrainableModel, history: Sequence[EpochScores], for_file: Callable[[], Any], not_kept: str | None
) -> Iterator[Message]:
    job, failure, rule = run.job, diverged(history), run.job.configuration.early_stopping
    if not finished(job, history):
        yield Stopped(job.job)
        return
    means, earlier = run.reported, len(run.scores) - len(history)
    kept = kept_epoch(rule, history)
    if job.model_path is not None and failure is None and _may_be_kept(job, means[: earlier + (kept or len(history))]):
        failed = yield from save_model(job, for_file, Path(job.model_path))
        not_kept = not_kept or failed
    over, memory = why_over(rule, history), _peak_memory_mb()
    number = None if kept is None else earlier + kept
    yield Trained(job.job, model.parameters, len(means), failure, memory, over, number, not_kept)


def _may_be_kept(job: Train, history: Sequence[EpochScores]) -> bool:
    """Whether the model is good enough to keep: building and writing a plain model takes longer than an epoch."""
    metric = METRICS[job.objective]
    value = selection_value(job.select, job.objective, history)
    return value is None or job.value_to_beat is None or metric.loss(value) <= metric.loss(job.value_to_beat)


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
