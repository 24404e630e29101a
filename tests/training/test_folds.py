"""Validation in folds: each image once, one model a fold, their mean the score; killed and resumed, the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.datasets import DataError, DataSet, load_dataset
from search.trainers.protocol import DataSource, EpochEnd, Message, Train, Trained, Warned
from search.training.data.split import Fold, split
from search.training.jobs.folds import reported
from spaces.configuration import Configuration, EarlyStopping
from spaces.epoch_scores import EpochScores
from tests.helpers.piped_trainer import PipedTrainer, epochs_of, last_of, scores_of

FOLDS, EPOCHS = 5, 2
FOLDED = DataSource("digits", limit_train=300, folds=FOLDS)


def numbered(counts: list[int]) -> DataSet:
    """A data set whose images show their own numbers, so that each can be told from the others."""
    labels = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(labels) + 1, dtype=np.float32).reshape(-1, 1, 1, 1)
    classes = tuple(map(str, range(len(counts))))
    return DataSet("numbered", x[:-1], labels, x[-1:], labels[:1], classes, 1.0)


@given(
    counts=st.lists(st.integers(6, 20), min_size=2, max_size=4),
    folds=st.integers(2, 3),
    limit=st.none() | st.integers(24, 80),
    seed=st.integers(0, 2**32),
)
def test_every_image_is_validated_on_once_and_never_in_two_parts(
    counts: list[int], folds: int, limit: int | None, seed: int
) -> None:
    data, validated = numbered(counts), list[float]()
    for number in range(folds):
        try:
            parts = split(data, 0.2, seed, limit, fold=Fold(number, folds))
        except DataError:
            return  # the limit leaves a class fewer images than there are folds
        training, validation = (images.ravel().tolist() for images in (parts.x_train, parts.x_val))
        assert len({*training, *validation, *parts.x_test.ravel().tolist()}) == len(training) + len(validation) + 1
        assert set(parts.y_train) == set(parts.y_val) == set(range(len(counts)))
        validated += validation
    assert len(set(validated)) == len(validated) == min(limit or sum(counts), sum(counts))


@given(counts=st.lists(st.integers(6, 20), min_size=2, max_size=4), seed=st.integers(0, 2**32), data=st.data())
def test_the_rest_is_every_training_image_that_is_not_used(counts: list[int], seed: int, data: st.DataObject) -> None:
    images, limit = numbered(counts), data.draw(st.integers(2 * len(counts), sum(counts) - 1))
    parts = split(images, 0.2, seed, limit, rest=True)
    used = [*parts.x_train.ravel(), *parts.x_val.ravel()]
    assert len(used) == limit
    assert sorted([*used, *parts.x_test.ravel()]) == list(range(sum(counts)))
    assert images.y_train[parts.x_test.ravel().astype(int)].tolist() == parts.y_test.tolist()


def test_what_cannot_be_folded_is_said() -> None:
    with pytest.raises(DataError, match=r"Class 1 has 6 training image\(s\), fewer than the 7 folds"):
        split(numbered([9, 6]), 0.2, 0, fold=Fold(0, 7))
    with pytest.raises(DataError, match="no rest is left"):
        split(numbered([6, 9]), 0.2, 0, rest=True)
    own = numbered([6, 9])
    with pytest.raises(DataError, match="validation images of its own"):
        split(DataSet(**{**vars(own), "n_own_validation": 4}), 0.2, 0, fold=Fold(0, 2))


@pytest.fixture(scope="module")
def folded(server_of_trainers: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Message]]:
    """A job on five folds of the digits, done without a break."""
    child, folder = PipedTrainer(server_of_trainers), tmp_path_factory.mktemp("folded")
    yield child.run(job_in(folder))
    child.close()


def job_in(folder: Path, token: int = 1) -> Train:
    job = Train(1, Configuration(), "bn_dropout", FOLDED, EPOCHS, 64, 3, 5, token, str(folder / "slot"))
    return msgspec.structs.replace(job, model_path=str(folder / f"model-{token}.keras"))


def test_five_folds_score_as_a_loop_by_hand_over_the_same_folds(
    folded: list[Message], trainer: PipedTrainer, tmp_path: Path
) -> None:
    """By hand, each fold is a file with validation images of its own."""
    digits, finals = load_dataset("digits"), list[EpochScores]()
    for number in range(FOLDS):
        parts, path = split(digits, 0.2, 5, 300, fold=Fold(number, FOLDS)), tmp_path / f"{number}.npz"
        np.savez(
            path,
            x_train=parts.x_train,
            y_train=parts.y_train,
            x_val=parts.x_val,
            y_val=parts.y_val,
            x_test=digits.x_test,
            y_test=digits.y_test,
        )
        plain = msgspec.structs.replace(job_in(tmp_path), data=DataSource(str(path)), checkpoints=None, model_path=None)
        finals.append(epochs_of(trainer.run(plain))[-1].scores)
    ends = epochs_of(folded)
    assert [end.scores.epoch for end in ends] == list(range(1, FOLDS * EPOCHS + 1))
    assert [end.ended_folds for end in ends] == [0, 1, 0, 2, 0, 3, 0, 4, 0, 5]
    for name in ("val_accuracy", "val_loss", "accuracy", "loss"):
        by_hand = [getattr(final, name) for final in finals]
        assert len(set(by_hand)) > 1
        for fold in range(1, FOLDS + 1):
            assert getattr(ends[fold * EPOCHS - 1].scores, name) == fmean(by_hand[:fold])


def test_killed_in_the_third_fold_and_resumed_it_ends_the_same(
    folded: list[Message], new_trainer: Callable[[], PipedTrainer], trainer: PipedTrainer, tmp_path: Path
) -> None:
    victim = new_trainer()
    victim.send(job_in(tmp_path))
    victim.receive_until(lambda message: isinstance(message, EpochEnd) and message.scores.epoch == 2 * EPOCHS + 1)
    victim.kill()
    resumed = trainer.run(job_in(tmp_path, token=2))
    replayed = [end.scores.epoch for end in epochs_of(resumed) if end.replayed]
    assert replayed[: 2 * EPOCHS + 1] == list(range(1, 2 * EPOCHS + 2))
    assert len(replayed) < FOLDS * EPOCHS
    assert scores_of(resumed) == scores_of(folded)
    assert last_of(resumed, Trained).epochs == FOLDS * EPOCHS


def test_a_damaged_checkpoint_of_a_later_fold_gives_way_to_one_before(trainer: PipedTrainer, tmp_path: Path) -> None:
    whole = trainer.run(job_in(tmp_path))
    newest = tmp_path / "slot" / "token-1.npz"
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    newest.write_bytes(bytes(damaged))
    again = trainer.run(job_in(tmp_path, token=2))
    assert any(isinstance(message, Warned) and "is not used" in message.message for message in again)
    assert scores_of(again) == scores_of(whole)


def test_the_kept_epoch_of_each_fold_is_what_counts() -> None:
    rule = EarlyStopping(None, "val_accuracy", restore_best=True)
    folds = [(0.5, 0.9, 0.7), (0.4, 0.6, 0.8)]
    raw = [EpochScores(epoch, 1.0, 0.5, 1.0, value, 0.1, 0.01) for fold in folds for epoch, value in enumerate(fold, 1)]
    means = [scores.val_accuracy for scores in reported(raw, rule)]
    assert means == [0.5, 0.9, 0.7, fmean([0.9, 0.4]), fmean([0.9, 0.6]), fmean([0.9, 0.8])]
    assert reported(raw[:3], rule) == raw[:3]
