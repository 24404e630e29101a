"""Measuring the test score of a search's best model, when the search is done: a look at the test images."""

import logging
import tempfile
from contextlib import nullcontext
from pathlib import Path

from search.errors import TrainerDied, TrainerUnavailable
from search.study.class_results import ClassResults, store_class_results, stored_class_results
from search.study.folders import StudyFolder
from search.study.image_size import trial_image_size
from search.study.race_answer import stored_answer
from search.study.snapshot import find_best
from search.study.split_seed import split_seed
from search.study.test_score import EXPORT, SEARCH, TestScore, look_waits_for_answer, record_look, recorded_looks
from search.study.trial_attributes import TrialAttributes
from search.trainers.protocol import DataSource, Evaluated, Part
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
    """Evaluates the best trial's model on the test images, unless that was done before or is left to an answer, and
    records the score; so it does with the classes for which the model takes the validation images. The score of an
    earlier best is kept.

    A running `trainer` saves the seconds of starting one.
    """
    best = find_best(shared)
    if best is None:
        return
    looked = needs_no_look(shared, best.number)
    if looked and stored_class_results(shared, best.number) is not None:
        return
    problem = TrialAttributes.of(shared.trials.get(best.number).user_attrs).model_problem
    artifact = kept_model(shared, best.number) if problem is None else None
    if artifact is None:
        if not looked:
            why = problem or "its model wasn't kept on this host"
            log.warning("no test score of trial %d: %s", best.number, why)
        return
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.keras"
        try:
            open_artifacts(folder.store).fetch(artifact, model)
            with nullcontext(trainer) if trainer is not None else TrainerClient.on_processors(folder) as evaluator:
                data = data_source(shared.manifest, data_dir, folder)
                found = _evaluate(shared, evaluator, data, best.number, model, "validation" if looked else "test")
        except (ArtifactError, StorageUsageError, TrainerDied, TrainerUnavailable) as error:
            log.warning("no %s: %s", "recall by class" if looked else "test score", error)
            return
    confusion = found.confusion if looked else found.validation_confusion
    if confusion:
        store_class_results(shared, ClassResults(best.number, confusion))
    if not looked:
        _record(shared, TestScore(best.number, found.accuracy, found.loss, found.n, metrics=found.metrics))


def _record(shared: SharedStudy, score: TestScore) -> None:
    look = record_look(shared, score, SEARCH)
    if look.look > 1:
        log.info("%s at the test images, of trial %d: each further one says less", look.words, look.trial)


def needs_no_look(shared: SharedStudy, number: int) -> bool:
    """Whether the test images aren't to be looked at with the model of that trial, the search's best: its score is
    known, or an answer's is that knows of all trials, or they wait for an answer.
    """
    if look_waits_for_answer(shared) or is_measured(shared, number):
        return True
    answer = stored_answer(shared)
    tested = answer is not None and any(look.study == answer.study_name for look in recorded_looks(shared))
    return answer is not None and tested and not answer.trials_since(shared.ledger.counts().finished)


def is_measured(shared: SharedStudy, number: int) -> bool:
    """Whether the test score of that trial, as the search's best, is known."""
    looks = recorded_looks(shared)
    return any(look.trial == number and look.reason != EXPORT and not look.study for look in looks)


def is_scored(shared: SharedStudy, number: int) -> bool:
    """Whether what a search measures of its best trial is known, or can wait."""
    if is_measured(shared, number):
        return True
    return needs_no_look(shared, number) and stored_class_results(shared, number) is not None


def _evaluate(
    shared: SharedStudy, trainer: TrainerClient, data: DataSource, number: int, model: Path, part: Part
) -> Evaluated:
    manifest = shared.manifest
    jobs = StudyJobs(manifest, manifest.space, data)
    slot = next(slot for slot in shared.ledger.slots() if slot.trial_number == number)
    seed = split_seed(manifest, slot.settings)
    size = trial_image_size(shared.trials.get(number).user_attrs)
    job = jobs.evaluate(trainer.next_job(), model, seed, part, image_size=size, validation_confusion=part == "test")
    return trainer.evaluate(job)
