"""How long an epoch of a planned study takes, measured by a trainer on a few batches: for dry runs that ask for it."""

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.errors import TrainerDied, TrainerUnavailable
from search.launching.fitting import drawn_at_random
from search.study.batch_size import batch_size
from search.study.folders import StudyFolder
from search.trainers.child import TRAINER_COMMAND
from search.trainers.protocol import EpochEnd, Failed, Train
from search.workers.join import data_source
from search.workers.study_jobs import JobFiles, StudyJobs
from search.workers.trainer_client import TrainerClient
from spaces import Configuration, Space
from spaces.contract import configuration_of
from spaces.epoch_scores import EpochScores
from spaces.trials import fixed_trial
from storage import Manifest
from storage.records import SlotRow, SlotSettings

log = logging.getLogger(__name__)

BATCHES = 2
EPOCHS = 3  # the first has the tracing in it, and one more is to spare
SILENCE_S = 600.0
DRAWS = 20


@dataclass(frozen=True)
class EpochTime:
    """An epoch of the model of `whose` configuration takes about this many seconds; measured on `images`."""

    seconds: float
    whose: str
    images: int


def measure_epoch(space: Space, manifest: Manifest, command: Sequence[str] = TRAINER_COMMAND) -> EpochTime | None:
    """Trains the first baseline, or else a configuration drawn at random, on two batches of images, and scales its
    fastest epoch to all of them; None, with a warning, where it can't be trained. Nothing is kept.
    """
    found = example_of(space)
    if found is None:
        log.warning("no epoch was timed: %s drew nothing that can be trained", space.name)
        return None
    whose, configuration = found
    limit = fewest_images(manifest, configuration)
    validated = manifest.n_validation if manifest.own_validation else 0  # the others are a part of the limit
    with tempfile.TemporaryDirectory() as scratch:
        folder = StudyFolder(Path(scratch), "timed", "timed")
        with TrainerClient.on_processors(folder, command) as trainer:
            try:
                job = short_job(manifest, configuration, limit, trainer.next_job())
                epochs = trained(trainer, msgspec.structs.replace(job, checkpoints=str(folder.slot(0))))
            except (TrainerDied, TrainerUnavailable) as error:
                log.warning("no epoch was timed: %s", error)
                return None
    seconds = min(epoch.seconds for epoch in epochs[1:])
    images = manifest.n_train + manifest.n_validation
    return EpochTime(seconds * images / (limit + validated), whose, limit)


def example_of(space: Space) -> tuple[str, Configuration] | None:
    """A configuration of the space, and what it is called."""
    for baseline in space.baselines:
        return f"the baseline {baseline.name}", configuration_of(space, fixed_trial(baseline.params))
    found = next(drawn_at_random(space, DRAWS), None)
    return None if found is None else ("a configuration drawn at random", found)


def fewest_images(manifest: Manifest, configuration: Configuration) -> int:
    """How many images leave two batches to train on, those drawn for validation included; all if there are fewer."""
    images = manifest.n_train + (0 if manifest.own_validation else manifest.n_validation)
    share = manifest.n_train / images
    return min(images, max(2 * len(manifest.classes), round(BATCHES * batch_size(manifest, configuration) / share)))


def short_job(manifest: Manifest, configuration: Configuration, limit: int, number: int) -> Train:
    """A job on that many images, which leaves nothing."""
    source = data_source(manifest, None)
    source = msgspec.structs.replace(source, limit_train=limit, folds=0, fold=0, rest=False)
    slot = SlotRow(0, "leased", 1, None, None, manifest.seed, None, SlotSettings(), 0, None, None, confirmed=False)
    files = JobFiles(Path("unused"), Path("unused"), token=1)
    job = StudyJobs(manifest, manifest.space, source).train(number, configuration, slot, files)
    return msgspec.structs.replace(job, epochs=EPOCHS, model_path=None)


def trained(trainer: TrainerClient, job: Train) -> list[EpochScores]:
    """The scores of a job's epochs, two or more.

    Raises:
        TrainerDied: it failed, or diverged before its second epoch.
        TrainerUnavailable: no trainer can be started on this host.
    """
    epochs = list[EpochScores]()
    for message in trainer.train(job).messages(SILENCE_S):
        if isinstance(message, EpochEnd):
            epochs.append(message.scores)
        elif isinstance(message, Failed):
            raise TrainerDied(message.reason)
    if len(epochs) < 2:
        raise TrainerDied("its training diverged at once")
    return epochs
