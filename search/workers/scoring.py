"""Measuring the test score of a search's best model, when the search is done: a look at the test images."""

import logging
import tempfile
from contextlib import nullcontext
from pathlib import Path

from search.errors import TrainerDied, TrainerUnavailable
from search.study.folders import StudyFolder
from search.study.snapshot import find_best
from search.study.test_score import EXPORT, SEARCH, TestScore, record_look, recorded_looks
from search.study.trial_attributes import TrialAttributes
from search.trainers.protocol import DataSource
from search.workers.join import data_source
from search.workers.keeping import kept_model
from search.workers.study_jobs import StudyJobs
from search.workers.trainer_client import TrainerClient
from storage import SharedStudy, open_artifacts
from storage.errors import ArtifactError, StorageUsageError

log = logging.getLogger(__name__)


def measure_test_score(
    shared: SharedStudy, folder: StudyFolder, data_dir: Path | None, trainer: TrainerClient | None = None
) -> None:
    """Evaluates the best trial's model on the test images, unless that was done before, and records the score. The
    score of an earlier best is kept.

    A running `trainer` saves the seconds of starting one.
    """
    best = find_best(shared)
    if best is None or is_measured(shared, best.number):
        return
    problem = TrialAttributes.of(shared.trials.get(best.number).user_attrs).model_problem
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
            with nullcontext(trainer) if trainer is not None else TrainerClient.on_processors(folder) as evaluator:
                score = _evaluate(shared, evaluator, data_source(shared.manifest, data_dir, folder), best.number, model)
        except (ArtifactError, StorageUsageError, TrainerDied, TrainerUnavailable) as error:
            log.warning("no test score: %s", error)
            return
    look = record_look(shared, score, SEARCH)
    if look.look > 1:
        log.info("%s at the test images, of trial %d: each further one says less", look.words, look.trial)


def is_measured(shared: SharedStudy, number: int) -> bool:
    """Whether the test score of that trial, as the search's best, is known."""
    return any(look.trial == number and look.reason != EXPORT for look in recorded_looks(shared))


def _evaluate(shared: SharedStudy, trainer: TrainerClient, data: DataSource, number: int, model: Path) -> TestScore:
    manifest = shared.manifest
    jobs = StudyJobs(manifest, manifest.space, data)
    scores = trainer.evaluate(jobs.evaluate(trainer.next_job(), model, manifest.seed))
    return TestScore(number, scores.accuracy, scores.loss, scores.n)
