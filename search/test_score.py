"""The test score of a search's best model: measured once, when the search is done, and stored with the study."""

import logging
import tempfile
from pathlib import Path

import msgspec

from search.errors import TrainerDied, TrainerUnavailable
from search.folders import StudyFolder
from search.join import data_source
from search.machine import threads_each
from search.protocol import Evaluate, Evaluated, Failed
from search.settle import MODEL_ATTR
from search.snapshot import find_best
from search.workbench import Trainer
from storage import SharedStudy, open_artifacts
from storage.errors import ArtifactError, StorageUsageError

log = logging.getLogger(__name__)

TEST_ATTR = "test_score"
EVALUATION_S = 600.0


class TestScore(msgspec.Struct, frozen=True):
    """How a trial's model does on `n` images that neither training nor the search saw: accuracy in [0, 1]."""

    trial: int
    accuracy: float
    loss: float
    n: int


def stored_test_score(shared: SharedStudy) -> TestScore | None:
    """The test score that was measured, None if none was."""
    with shared.translated():
        stored = shared.study.user_attrs.get(TEST_ATTR)
    return None if stored is None else msgspec.convert(stored, TestScore)


def measure_test_score(shared: SharedStudy, folder: StudyFolder, data_dir: Path | None) -> None:
    """Scores the best trial's model on the test images, unless that was done before, and stores the result."""
    best = find_best(shared)
    stored = stored_test_score(shared)
    if best is None or (stored is not None and stored.trial == best.number):
        return
    with shared.translated():
        artifact = shared.trial(best.number).user_attrs.get(MODEL_ATTR)
    if artifact is None:
        log.warning("the model of trial %d wasn't kept on this host: no test score", best.number)
        return
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.keras"
        try:
            open_artifacts(folder.store).fetch(artifact, model)
            score = _evaluate(shared, folder, data_dir, best.number, model)
        except (ArtifactError, StorageUsageError, TrainerDied, TrainerUnavailable) as error:
            log.warning("no test score: %s", error)
            return
    with shared.translated():
        shared.study.set_user_attr(TEST_ATTR, msgspec.to_builtins(score))


def _evaluate(shared: SharedStudy, folder: StudyFolder, data_dir: Path | None, number: int, model: Path) -> TestScore:
    trainer = Trainer(folder, {"SEARCH_THREADS": str(threads_each())}, memory_limit_mb=0)
    manifest = shared.manifest
    job = Evaluate(
        job=trainer.next_job(),
        space=manifest.space,
        data=data_source(manifest, data_dir),
        split_seed=manifest.seed,
        batch_size=manifest.batch_size,
        model_path=str(model),
    )
    try:
        process, _ = trainer.process()
        process.send(job)
        message = process.receive(EVALUATION_S)
    finally:
        trainer.discard()
    if isinstance(message, Evaluated):
        return TestScore(number, message.accuracy, message.loss, message.n)
    reason = message.reason if isinstance(message, Failed) else f"no answer within {EVALUATION_S:.0f} s"
    raise TrainerDied(f"the model couldn't be evaluated: {reason}")
