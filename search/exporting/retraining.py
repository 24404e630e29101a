"""A trial trained again, from its configuration and seed, for its model."""

import math
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

from search.console.held_errors import errors_held_back
from search.errors import SearchFailed, TrainerDied
from search.study.folders import StudyFolder
from search.study.own_folder import prepare
from search.trainers.protocol import EpochEnd, Evaluated, Failed, JobMessage, Progress, Stopped, Trained, Warned
from search.views.configuration_text import Described
from search.workers.join import data_source, require_same
from search.workers.placement import find_placements
from search.workers.settings import WorkerSettings
from search.workers.study_jobs import JobFiles, StudyJobs
from search.workers.trainer_client import TrainerClient
from spaces import resolve
from spaces.epoch_scores import EpochScores
from spaces.selection import Select, selection_value
from storage import SharedStudy
from storage.objective import Objective

SILENCE_S = 3600.0


def retrain(
    shared: SharedStudy, folder: StudyFolder, described: Described, data_dir: Path | None, model: Path
) -> float:
    """Trains it and leaves the model at the path; returns the objective's value. It is close to the study's; to equal
    it takes at least the same kind of processor, and as many threads as the study's workers had.

    Raises:
        UsageError: this machine's packages, space or data aren't those of the study.
        SearchFailed: it couldn't be trained.
    """
    manifest = shared.manifest
    with errors_held_back():  # it may import Keras
        source = resolve(manifest.space, expected=manifest.space_fingerprint)
    data = data_source(manifest, data_dir)
    require_same(manifest, source, data)
    number = described.trial.number
    prepare(folder, manifest)
    jobs, place = StudyJobs(manifest, source.ref, data), find_placements(WorkerSettings())[0]
    with (
        tempfile.TemporaryDirectory() as scratch,
        TrainerClient(folder, place.for_trainer(manifest.batch_pixels), math.inf) as trainer,
    ):
        files = JobFiles(Path(scratch), model, token=1)
        try:
            running = trainer.train(
                jobs.train(trainer.next_job(), described.configuration, described.trial.slot, files)
            )
            return follow(running.messages(SILENCE_S), manifest.goal, manifest.select)
        except TrainerDied as error:
            raise SearchFailed(f"trial {number} couldn't be trained again: {error}") from error


def follow(messages: Iterable[JobMessage], objective: Objective, select: Select = "last") -> float:
    """The value at the epoch whose model the trainer has left, from the messages of its job."""
    epochs = dict[int, EpochScores]()
    for message in messages:
        match message:
            case EpochEnd():
                epochs[message.scores.epoch] = message.scores
            case Trained():
                kept = message.kept_epoch or message.epochs
                curve = [scores for number, scores in sorted(epochs.items()) if number <= kept]
                value = selection_value(select, objective.metric, curve)
                if value is None or message.diverged is not None:
                    raise SearchFailed(f"it diverged this time: {message.diverged}")
                return value
            case Failed():
                raise SearchFailed(f"it failed this time: {message.reason}")
            case Progress() | Warned() | Evaluated() | Stopped():
                pass
            case _:
                assert_never(message)
    raise SearchFailed("the trainer didn't finish it")
