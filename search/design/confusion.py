"""The confusion matrix of each arm's best model, on the validation images of its replicate."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.design.scores import Replicate
from search.errors import TrainerDied, TrainerUnavailable
from search.study.folders import StudyFolder
from search.study.image_size import trial_image_size
from search.study.split_seed import split_seed
from search.study.trial_attributes import TrialAttributes
from search.trainers.child import TRAINER_COMMAND
from search.trainers.protocol import Evaluated, Part
from search.workers.join import data_source
from search.workers.keeping import kept_model
from search.workers.settle import best_trial_numbers
from search.workers.study_jobs import StudyJobs
from search.workers.trainer_client import TrainerClient
from storage import SharedStudy, open_artifacts
from storage.comparison import Comparison
from storage.errors import ArtifactError, StorageUsageError
from storage.records import SlotRow

log = logging.getLogger(__name__)

CONFUSION_ATTR = "confusion"


class Confusion(msgspec.Struct, frozen=True):
    """How often images of each class (row) were taken for each class (column), by one trial's model."""

    arm: str
    trial: int
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Evaluator:
    """A trainer that scores kept models of a study."""

    shared: SharedStudy
    folder: StudyFolder
    data_dir: Path | None
    trainer: TrainerClient

    def evaluate(self, trial: int, seed: int, part: Part) -> Evaluated:
        """The scores of a trial's kept model on the validation or test images of the split of that seed.

        Raises:
            ArtifactError, StorageUsageError: the model isn't there.
            TrainerDied, TrainerUnavailable: it couldn't be evaluated.
        """
        attributes = self.shared.trials.get(trial).user_attrs
        problem = TrialAttributes.of(attributes).model_problem
        artifact = kept_model(self.shared, trial)
        if artifact is None or problem is not None:
            raise ArtifactError(f"of trial {trial}: {problem or 'its model was not kept on this host'}")
        with tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "model.keras"
            open_artifacts(self.folder.store).fetch(artifact, model)
            manifest = self.shared.manifest
            jobs = StudyJobs(manifest, manifest.space, data_source(manifest, self.data_dir, self.folder))
            size = trial_image_size(attributes)
            return self.trainer.evaluate(jobs.evaluate(self.trainer.next_job(), model, seed, part, image_size=size))


@contextlib.contextmanager
def evaluator(
    shared: SharedStudy, folder: StudyFolder, data_dir: Path | None, command: Sequence[str] = TRAINER_COMMAND
) -> Iterator[Evaluator]:
    """An evaluator, whose trainer is ended after the `with` block; `command` starts it, see TrainerProcess."""
    with TrainerClient.on_processors(folder, command) as trainer:
        yield Evaluator(shared, folder, data_dir, trainer)


def stored_confusions(shared: SharedStudy) -> tuple[Confusion, ...]:
    """The matrices that were measured, none if none were."""
    stored = shared.study.user_attrs.get(CONFUSION_ATTR, [])
    return msgspec.convert(stored, tuple[Confusion, ...])


def best_of_arms(shared: SharedStudy, comparison: Comparison) -> list[tuple[str, SlotRow]]:
    """The slot of each arm's best trial, with the arm's name."""
    best = best_trial_numbers(shared)
    slots = [slot for slot in shared.ledger.slots() if slot.trial_number in best]
    return [(comparison.arm_of(slot.slot).name, slot) for slot in slots]


def measure_confusions(shared: SharedStudy, comparison: Comparison, evaluator: Evaluator) -> tuple[Confusion, ...]:
    """The matrices of the arms' best models, measured unless they were before, and stored with the study."""
    best = best_of_arms(shared, comparison)
    stored = stored_confusions(shared)
    if {one.trial for one in stored} == {slot.trial_number for _, slot in best}:
        return stored
    measured = tuple(found for arm, slot in best if (found := measure(evaluator, arm, slot)) is not None)
    shared.study.set_user_attr(CONFUSION_ATTR, msgspec.to_builtins(measured))
    return measured


def measure(evaluator: Evaluator, arm: str, slot: SlotRow) -> Confusion | None:
    """The matrix of one arm; None, with a warning, where there is none to be had."""
    trial = slot.trial_number
    if trial is None:
        return None
    try:
        found = evaluator.evaluate(trial, split_seed(evaluator.shared.manifest, slot.settings), "validation")
    except (ArtifactError, StorageUsageError, TrainerDied, TrainerUnavailable) as error:
        log.warning("no confusion matrix of arm %s: %s", arm, error)
        return None
    return Confusion(arm, trial, found.confusion)


def ordered(confusions: Sequence[Confusion], replicates: Sequence[Replicate]) -> tuple[Confusion, ...]:
    """Those whose trials belong to the replicates, in the order of the arms."""
    arms = {one.trial: one.cell.arm for one in replicates}
    return tuple(sorted((one for one in confusions if one.trial in arms), key=lambda one: arms[one.trial]))
