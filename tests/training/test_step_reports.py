"""How far a long epoch is, is said once a second; of a short one nothing is."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from search.trainers.protocol import Message, Progress
from search.training.jobs.job import Jobs
from search.training.jobs.step_reports import StepReports
from tests.helpers.piped_trainer import MakeJob, epochs_of


@dataclass
class Clock:
    """A clock that stands until it is told to go on."""

    now: float = 100.0
    said: list[tuple[float, int]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def epoch(self, steps: int, chunk_s: float) -> None:
        """An epoch of that many steps, 16 of which take `chunk_s` seconds, as runners ask whether to stop in it."""
        reports = StepReports(lambda: False, steps, 16, lambda done: self.said.append((self.now - 100, done)), self)
        reports.begin()
        assert not reports()
        for _ in range(0, steps, 16):
            assert not reports()
            self.now += chunk_s


def test_nothing_is_said_of_a_short_epoch() -> None:
    clock = Clock()
    clock.epoch(steps=160, chunk_s=0.19)
    assert clock.said == []


def test_a_long_one_is_told_from_two_seconds_on_once_a_second() -> None:
    clock = Clock()
    clock.epoch(steps=100, chunk_s=0.75)
    assert clock.said == [(2.25, 48), (3.75, 80)]


def test_long_chunks_are_told_one_by_one_and_no_step_too_many() -> None:
    clock = Clock()
    clock.epoch(steps=40, chunk_s=5.0)
    assert clock.said == [(5.0, 16), (10.0, 32)]


def test_a_stop_is_heard_in_any_case() -> None:
    assert StepReports(lambda: True, 10, 1, lambda _: None)()


def test_a_job_tells_its_epochs_steps_while_they_run(keras: Any, job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.training.jobs.step_reports.FIRST_S", 0.0)
    monkeypatch.setattr("search.training.jobs.step_reports.EVERY_S", 0.0)
    said: list[Message] = []
    wanted = job(epochs=2, checkpoints=None)
    messages = list(Jobs(say=said.append).train(wanted, lambda: False))
    assert len(epochs_of(messages)) == 2
    steps = [(message.done, message.steps) for message in said if isinstance(message, Progress)]
    assert len(steps) == len(said) > 0
    assert {total for _, total in steps} == {steps[0][1]}
    assert max(done for done, _ in steps) == 16 * ((steps[0][1] - 1) // 16)
