"""A trainer's client gives each job the messages of that job alone, and ends a trainer that doesn't answer in time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.errors import TrainerDied
from search.study.folders import StudyFolder
from search.trainers.protocol import (
    DataSource,
    EpochEnd,
    Evaluate,
    Evaluated,
    Failed,
    Message,
    Stopped,
    Train,
    Trained,
    Warned,
)
from search.workers.trainer_client import TrainerClient
from spaces.configuration import Configuration
from spaces.epoch_scores import EpochScores
from tests.helpers.scripted_trainer import scripted_trainer

DATA = DataSource("digits")
Client = Callable[..., TrainerClient]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client whose trainer answers each command with these messages."""
    made: list[TrainerClient] = []

    def of(*messages: Message) -> TrainerClient:
        made.append(TrainerClient(StudyFolder(tmp_path, "s", "0" * 32), {}, 4000.0, scripted_trainer(messages)))
        return made[-1]

    yield of
    for each in made:
        each.discard()


def evaluation(number: int) -> Evaluate:
    return Evaluate(job=number, space="bn_dropout", data=DATA, split_seed=0, batch_size=8, model_path="model.keras")


def training(number: int) -> Train:
    return Train(
        job=number,
        configuration=Configuration(),
        space="bn_dropout",
        data=DATA,
        epochs=2,
        batch_size=8,
        seed=0,
        split_seed=0,
        token=1,
    )


def scored(number: int, accuracy: float) -> Evaluated:
    return Evaluated(job=number, accuracy=accuracy, loss=0.5, n=10, confusion=((1,),))


def epoch(job: int, number: int) -> EpochEnd:
    return EpochEnd(job, EpochScores(number, 0.5, 0.8, 0.6, 0.75, 0.2, 1e-3))


def test_the_answer_to_an_earlier_question_is_passed_over(client: Client) -> None:
    trainer = client(scored(1, 0.1), scored(2, 0.9))
    assert trainer.evaluate(evaluation(2)).accuracy == 0.9
    assert trainer.current is not None


def test_a_trainer_that_says_nothing_in_time_is_asked_nothing_more(client: Client) -> None:
    trainer = client(scored(1, 0.1))
    with pytest.raises(TrainerDied, match="no answer within"):
        trainer.evaluate(evaluation(2), timeout_s=0.05)
    assert trainer.current is None


def test_one_that_failed_neither_and_its_reason_is_told(client: Client) -> None:
    trainer = client(Failed(job=2, kind="crash", reason="no memory"))
    with pytest.raises(TrainerDied, match="no memory"):
        trainer.evaluate(evaluation(2))
    assert trainer.current is None


def test_a_training_job_has_its_own_messages_up_to_its_end(client: Client) -> None:
    trained = Trained(2, parameters=10, epochs=2)
    trainer = client(
        epoch(1, 3), Stopped(1), epoch(2, 1), Warned(2, "no room for a checkpoint"), epoch(2, 2), trained, epoch(3, 1)
    )
    messages = list(trainer.train(training(2)).messages(silence_s=60.0))
    assert messages == [epoch(2, 1), Warned(2, "no room for a checkpoint"), epoch(2, 2), trained]
    assert trainer.current is not None


def test_a_trainer_that_says_nothing_for_long_while_it_trains_is_ended(client: Client) -> None:
    trainer = client(epoch(1, 1), epoch(2, 1))
    messages = trainer.train(training(2)).messages(silence_s=0.3)
    assert next(messages) == epoch(2, 1)
    with pytest.raises(TrainerDied, match="said nothing for"):
        next(messages)
    assert trainer.current is None


def test_a_client_whose_block_ends_has_no_trainer(client: Client) -> None:
    with client(scored(1, 0.5)) as trainer:
        assert trainer.evaluate(evaluation(1)).accuracy == 0.5
        process = trainer.current
        assert process is not None
    assert not process.alive
