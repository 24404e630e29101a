"""When a job has a checkpoint, and that it's no matter for what it resumes to."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from search.trainers.protocol import EpochEnd, Message, Trained
from search.training.jobs.checked_arrays import read_arrays
from search.training.jobs.job import Jobs
from spaces.configuration import Block, Configuration, EarlyStopping, Optimizer
from tests.helpers.piped_trainer import MakeJob, epochs_of, last_of, scores_of

HOUR_S = 3600.0
SMALL = Configuration((Block((8,)),), dense=(16,), optimizer=Optimizer("adam", 3e-3))


def with_checkpoints(messages: Sequence[Message]) -> list[int]:
    """The numbers of the epochs that have one."""
    return [epoch.scores.epoch for epoch in epochs_of(messages) if epoch.checkpointed]


def test_short_epochs_have_a_checkpoint_after_the_first_and_the_last_and_resume_to_the_same_bits(
    keras: Any, job: MakeJob, tmp_path: Path
) -> None:
    def state(folder: str, token: int) -> list[bytes]:
        arrays, _ = read_arrays(tmp_path / folder / f"token-{token}.npz")
        return [arrays[name].tobytes() for name in sorted(arrays)]

    jobs, stopped = Jobs(), threading.Event()
    whole = job(configuration=SMALL, epochs=9, checkpoint_every=HOUR_S, checkpoints=str(tmp_path / "whole"))
    cut = msgspec.structs.replace(whole, checkpoints=str(tmp_path / "cut"))
    uninterrupted = list(jobs.train(whole, lambda: False))
    assert with_checkpoints(uninterrupted) == [1, 9]
    for message in jobs.train(cut, stopped.is_set):
        if isinstance(message, EpochEnd) and message.scores.epoch == 4:
            stopped.set()
    resumed = list(jobs.train(msgspec.structs.replace(cut, token=2), lambda: False))
    assert [epoch.replayed for epoch in epochs_of(resumed)] == [True, *[False] * 8]
    assert scores_of(resumed) == scores_of(uninterrupted)
    assert state("cut", 2) == state("whole", 1)


def test_an_epoch_whose_weights_may_be_those_that_are_kept_has_a_checkpoint(keras: Any, job: MakeJob) -> None:
    best = msgspec.structs.replace(SMALL, early_stopping=EarlyStopping(None, "val_loss", restore_best=True))
    wanted = job(configuration=best, epochs=3, checkpoint_every=HOUR_S)
    messages = list(Jobs().train(wanted, lambda: False))
    losses = [epoch.scores.val_loss or 0.0 for epoch in epochs_of(messages)]
    best_so_far = [number for number, loss in enumerate(losses, 1) if loss == min(losses[:number])]
    assert with_checkpoints(messages) == sorted({*best_so_far, 3})
    assert last_of(messages, Trained).kept_epoch == best_so_far[-1]


def test_where_epochs_are_long_each_has_one(keras: Any, job: MakeJob) -> None:
    assert with_checkpoints(list(Jobs().train(job(configuration=SMALL), lambda: False))) == [1, 2, 3]


def test_where_nothing_is_to_be_resumed_none_has_one(keras: Any, job: MakeJob) -> None:
    wanted = job(configuration=SMALL, epochs=2, checkpoints=None)
    assert with_checkpoints(list(Jobs().train(wanted, lambda: False))) == []
