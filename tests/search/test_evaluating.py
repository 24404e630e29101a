"""A question to a trainer gets the answer to that question, or none."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from search.errors import TrainerDied
from search.trainers.protocol import DataSource, Evaluate, Evaluated, Failed, Message
from search.workers.evaluating import evaluate


@dataclass
class Process:
    """A trainer's process that says these messages, and then nothing."""

    says: list[Message]
    asked: list[Any] = field(default_factory=list)

    def send(self, job: Any) -> None:
        self.asked.append(job)

    def receive(self, _timeout: float) -> Message | None:
        return self.says.pop(0) if self.says else None


@dataclass
class OneTrainer:
    """A trainer of one process, until it is discarded."""

    current: Process
    discarded: bool = False

    def process(self) -> tuple[Process, None]:
        return self.current, None

    def discard(self) -> None:
        self.discarded = True


def job(number: int) -> Evaluate:
    return Evaluate(
        job=number, space="bn_dropout", data=DataSource("digits"), split_seed=0, batch_size=8, model_path="model.keras"
    )


def scored(number: int, accuracy: float) -> Evaluated:
    return Evaluated(job=number, accuracy=accuracy, loss=0.5, n=10, confusion=((1,),))


def ask(trainer: OneTrainer, number: int) -> Evaluated:
    return evaluate(trainer, job(number), patience_s=0.05)  # type: ignore[arg-type]


def test_the_answer_to_an_earlier_question_is_passed_over() -> None:
    trainer = OneTrainer(Process([scored(1, 0.1), scored(2, 0.9)]))
    assert ask(trainer, 2).accuracy == 0.9
    assert not trainer.discarded


def test_a_trainer_that_says_nothing_in_time_is_asked_nothing_more() -> None:
    trainer = OneTrainer(Process([scored(1, 0.1)]))
    with pytest.raises(TrainerDied, match="no answer within"):
        ask(trainer, 2)
    assert trainer.discarded


def test_one_that_failed_neither_and_its_reason_is_told() -> None:
    trainer = OneTrainer(Process([Failed(job=2, kind="crash", reason="no memory")]))
    with pytest.raises(TrainerDied, match="no memory"):
        ask(trainer, 2)
    assert trainer.discarded
