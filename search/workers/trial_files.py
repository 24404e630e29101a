"""The small files of a completed trial: a picture of its curves, its model's layers, its configuration.

They are artifacts of the trial, so that a dashboard shows them; the models themselves are kept of the best only.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial

from search.study.folders import PICTURE, StudyFolder
from search.training.models.description import CONFIGURATION, LAYERS
from search.views.curve_picture import draw_curves
from search.workers.keeping import keep_file, kept_file
from storage import SharedStudy
from storage.errors import ArtifactError, StorageUsageError
from storage.records import FinishedSlot

log = logging.getLogger(__name__)


def keep_files(shared: SharedStudy, folder: StudyFolder, finished: FinishedSlot, trial: FrozenTrial) -> None:
    """Keeps the files that there are, each once. Without them the trial is as good: trouble is logged."""
    try:
        current = shared.trials.get(trial.number)
        on_record = {file.artifact_id for file in shared.kept.of_trial(trial.number)}
        metas = get_all_artifact_meta(current, storage=shared.trials.storage)
        kept = {meta.filename for meta in metas if meta.artifact_id not in on_record}  # by an earlier release
        for name, path in found_files(shared, folder, finished, trial.number):
            if name not in kept and kept_file(shared, folder, trial.number, name) is None:
                keep_file(shared, folder, current, path, name)
    except (ArtifactError, StorageUsageError, OSError) as error:
        log.warning("files of trial %d aren't kept: %s", trial.number, error)


def found_files(
    shared: SharedStudy, folder: StudyFolder, finished: FinishedSlot, number: int
) -> Iterator[tuple[str, Path]]:
    """The files of the slot, by the names that people see; the picture is drawn now."""
    epochs = shared.ledger.epochs(number)
    if len(epochs) > 1:
        picture = folder.slot(finished.slot) / PICTURE
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(draw_curves(epochs), encoding="utf-8")
        yield PICTURE, picture
    model = folder.model(finished.slot, finished.token, finished.worker_id)
    for suffix in (LAYERS, CONFIGURATION):
        if model.with_suffix(suffix).exists():
            yield suffix.removeprefix("."), model.with_suffix(suffix)
