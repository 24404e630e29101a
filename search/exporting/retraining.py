"""A trial trained again, from its configuration and seed, for its model."""

import tempfile
from pathlib import Path

from search.commands.worker_flags import WorkerFlags
from search.console.held_errors import errors_held_back
from search.errors import SearchFailed, TrainerDied, UsageError
from search.study.folders import StudyFolder
from search.study.own_folder import prepare
from search.study.split_seed import split_seed
from search.trainers.process import TrainerProcess
from search.trainers.protocol import EpochEnd, Evaluated, Failed, Ready, Stopped, Train, Trained, Warned
from search.views.configuration_text import Described
from search.workers.join import data_source, require_same
from search.workers.places import find_places
from search.workers.workbench import Trainer
from spaces import resolve
from storage import SharedStudy
from storage.objective import Objective
from storage.records import SlotRow

SILENCE_S = 3600.0


def retrain(
    shared: SharedStudy, folder: StudyFolder, described: Described, data_dir: Path | None, model: Path
) -> float:
    """Trains it and leaves the model at the path; returns the objective's value. It is close to the study's; to equal
    it takes at least the same kind of processor, and as many threads as the study's workers had.

    Raises:
        UsageError: this machine's packages, space or data aren't those of the study, or it didn't train the trial.
        SearchFailed: it couldn't be trained.
    """
    manifest = shared.manifest
    with errors_held_back():  # it may import Keras
        source = resolve(manifest.space, expected=manifest.space_fingerprint)
    data = data_source(manifest, data_dir)
    require_same(manifest, source, data)
    number = described.trial.number
    slot = slot_of(shared, number)
    prepare(folder, manifest)
    with tempfile.TemporaryDirectory() as scratch:
        place = find_places(WorkerFlags())[0]
        trainer = Trainer(folder, place.for_trainer(manifest.batch_pixels), memory_limit_mb=0)
        job = Train(
            job=trainer.next_job(),
            configuration=described.configuration,
            space=source.ref,
            data=data,
            epochs=manifest.epochs,
            batch_size=manifest.batch_size,
            precision=manifest.precision,
            seed=slot.seed,
            split_seed=split_seed(manifest, slot.settings),
            token=1,
            checkpoints=scratch,
            model_path=str(model),
        )
        try:
            process, _ = trainer.process()
            process.send(job)
            return follow(process, manifest.goal)
        except TrainerDied as error:
            raise SearchFailed(f"trial {number} couldn't be trained again: {error}") from error
        finally:
            trainer.discard()


def slot_of(shared: SharedStudy, number: int) -> SlotRow:
    """The slot in which the trial was trained; raises UsageError if it was trained elsewhere."""
    slot = next((slot for slot in shared.ledger.slots() if slot.trial_number == number), None)
    if slot is None:
        raise UsageError(
            f"trial {number} was added to the study from elsewhere, and how it was trained isn't known here: "
            "export one that this study has trained"
        )
    return slot


def follow(process: TrainerProcess, objective: Objective) -> float:
    """Waits until the trainer is done; returns the objective of the epoch whose model it has left."""
    values: dict[int, float | None] = {}
    while True:
        message = process.receive(SILENCE_S)
        match message:
            case EpochEnd():
                values[message.scores.epoch] = objective.of(message.scores)
            case Trained(diverged=None) if (value := values.get(message.kept_epoch or message.epochs)) is not None:
                return value
            case Trained():
                raise SearchFailed(f"it diverged this time: {message.diverged}")
            case Failed():
                raise SearchFailed(f"it failed this time: {message.reason}")
            case Ready() | Warned() | Evaluated():
                pass
            case Stopped() | None:
                raise SearchFailed("the trainer didn't finish it")
