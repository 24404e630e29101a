"""Measuring the test score of a search's best model, when the search is done: a look at the test images."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from search.errors import TrainerDied, TrainerUnavailable
from search.host.machine import threads_each
from search.study.folders import StudyFolder
from search.study.model_problems import model_problem
from search.study.snapshot import find_best
from search.study.test_score import EXPORT, SEARCH, TestScore, record_look, recorded_looks
from search.trainers.protocol import DataSource, Evaluate
from search.workers.evaluating import evaluate
from search.workers.join import data_source
from search.workers.keeping import kept_model
from search.workers.workbench import Trainer
from storage import SharedStudy, open_artifacts
from storage.errors import ArtifactError, StorageUsageError

log = logging.getLogger(__name__)


def measure_test_score(
    shared: SharedStudy, folder: StudyFolder, data_dir: Path | None, trainer: Trainer | None = None
) -> None:
    """Scores the best trial's model on the test images, unless that was done before, and puts the score on record. The
    score of an earlier best stays there.

    A `trainer` that is warm saves the seconds that it takes to start one.
    """
    best = find_best(shared)
    looks = recorded_looks(shared)
    if best is None or any(look.trial == best.number and look.reason != EXPORT for look in looks):
        return
    with shared.translated():
        problem = model_problem(shared.trial(best.number).user_attrs)
    if problem is not None:
        log.warning("no test score of trial %d: %s", best.number, problem)
        return
    artifact = kept_model(shared, best.number)
    if artifact is None:
        log.warning("the model of trial %d wasn't kept on this host: no test score", best.number)
        return
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.keras"
        try:
            open_artifacts(folder.store).fetch(artifact, model)
            with trainer_for(folder, trainer) as evaluator:
                score = _evaluate(shared, evaluator, data_source(shared.manifest, data_dir, folder), best.number, model)
        except (ArtifactError, StorageUsageError, TrainerDied, TrainerUnavailable) as error:
            log.warning("no test score: %s", error)
            return
    look = record_look(shared, score, SEARCH)
    if look.look > 1:
        log.info("%s at the test images, of trial %d: each further one says less", look.words, look.trial)


@contextlib.contextmanager
def trainer_for(folder: StudyFolder, trainer: Trainer | None) -> Iterator[Trainer]:
    """The given trainer; without one, a new one within the `with` block."""
    if trainer is not None:
        yield trainer
        return
    own = Trainer(folder, {"SEARCH_THREADS": str(threads_each())}, memory_limit_mb=0)
    try:
        yield own
    finally:
        own.discard()


def _evaluate(shared: SharedStudy, trainer: Trainer, data: DataSource, number: int, model: Path) -> TestScore:
    manifest = shared.manifest
    job = Evaluate(
        job=trainer.next_job(),
        space=manifest.space,
        data=data,
        split_seed=manifest.seed,
        batch_size=manifest.batch_size,
        precision=manifest.precision,
        model_path=str(model),
    )
    found = evaluate(trainer, job)
    return TestScore(number, found.accuracy, found.loss, found.n)
