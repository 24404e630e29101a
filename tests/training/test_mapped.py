"""Training on decoded images that trainers share, as on those that a trainer has read for itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from search.datasets import DataSet, load_dataset
from search.datasets.mapped import open_mapped, write_mapped
from search.trainers.protocol import DataSource, Evaluate, Evaluated, Failed
from search.training.backends.protocol import Backend
from search.training.data.split import split
from tests.helpers.piped_trainer import MakeJob, PipedTrainer, epochs_of, scores_of


@pytest.fixture
def decoded(tmp_path: Path) -> Path:
    """The digits, decoded."""
    folder = tmp_path / "images" / "digits"
    folder.parent.mkdir()
    write_mapped(load_dataset("digits"), folder)
    return folder


@pytest.fixture
def mapped(decoded: Path) -> DataSet:
    dataset = open_mapped(decoded)
    assert dataset is not None
    return dataset


def shares_memory(tensor: Any, array: Any) -> bool:
    return np.shares_memory(np.asarray(memoryview(tensor)), array)


def test_two_trainers_share_images_and_score_as_one_that_read_them(
    trainer: PipedTrainer, new_trainer: Callable[[], PipedTrainer], job: MakeJob, decoded: Path
) -> None:
    own = job(data=DataSource("digits"), epochs=1, checkpoints=None)
    shared = msgspec.structs.replace(own, data=DataSource("no source is read", decoded=str(decoded)))
    alone, *together = (
        scores_of(each.run(one)) for each, one in ((trainer, own), (trainer, shared), (new_trainer(), shared))
    )
    assert together == [alone, alone]


def test_a_saved_model_is_evaluated_on_shared_images(
    trainer: PipedTrainer, job: MakeJob, decoded: Path, tmp_path: Path
) -> None:
    path = str(tmp_path / "model.keras")
    trainer.run(job(epochs=1, model_path=path))
    own = Evaluate(2, "bn_dropout", DataSource("digits"), split_seed=5, batch_size=64, model_path=path)
    shared = msgspec.structs.replace(own, data=DataSource("no source is read", decoded=str(decoded)))
    (one,), (other,) = trainer.run(own), trainer.run(shared)
    assert isinstance(one, Evaluated)
    assert other == one


def test_a_trainer_reads_for_itself_what_isnt_there_or_is_broken(
    trainer: PipedTrainer, job: MakeJob, decoded: Path
) -> None:
    expected = scores_of(trainer.run(job(checkpoints=None)))
    for damage in ((decoded / "about.json").unlink, (decoded / "x_train.npy").unlink):
        damage()
        data = DataSource("digits", limit_train=300, decoded=str(decoded))
        assert scores_of(trainer.run(job(data=data, checkpoints=None))) == expected


def test_a_trainer_trains_on_no_images_that_have_changed_since_the_study_was_made(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    own, digits = tmp_path / "own.npz", load_dataset("digits")
    np.savez(own, x_train=digits.x_train[:300], y_train=digits.y_train[:300])
    data = DataSource(str(own), fingerprint=load_dataset(str(own)).fingerprint())
    asked = job(data=data, epochs=1, checkpoints=None)
    assert epochs_of(trainer.run(asked))
    np.savez(own, x_train=digits.x_train[300:600], y_train=digits.y_train[300:600])
    failed = trainer.run(msgspec.structs.replace(asked, split_seed=9))[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "data_error"
    assert "have changed since the study was made: bring the old ones back" in failed.reason


def test_a_checkpoint_is_resumed_from_wherever_the_images_come_from(
    trainer: PipedTrainer, job: MakeJob, decoded: Path
) -> None:
    whole = scores_of(trainer.run(job(epochs=2, checkpoints=None)))
    trainer.run(job(epochs=1))
    data = DataSource("digits", limit_train=300, decoded=str(decoded))
    resumed = trainer.run(job(epochs=2, token=2, data=data))
    assert epochs_of(resumed)[0].replayed
    assert scores_of(resumed) == whole


def test_on_a_processor_the_device_takes_mapped_images_as_they_are(backend: Backend, mapped: DataSet) -> None:
    train, val = backend.to_device(split(mapped, 0.2, seed=1))
    assert shares_memory(train.images, mapped.x_train)
    assert train.images is val.images
    assert not mapped.x_train.flags.writeable


def test_images_that_one_process_has_open_outlast_their_files(mapped: DataSet, decoded: Path) -> None:
    expected = load_dataset("digits").fingerprint()
    for file in decoded.iterdir():
        file.unlink()
    assert mapped.fingerprint() == expected


def test_training_changes_no_file(trainer: PipedTrainer, job: MakeJob, decoded: Path) -> None:
    before = {file.name: file.read_bytes() for file in decoded.iterdir()}
    trainer.run(job(data=DataSource("digits", decoded=str(decoded)), epochs=1, checkpoints=None))
    assert {file.name: file.read_bytes() for file in decoded.iterdir()} == before


def test_files_with_any_damage_are_opened_or_not_and_raise_nothing(tmp_path: Path) -> None:
    pixels, labels = np.ones((4, 2, 2, 1), np.uint8), np.arange(4) % 2
    write_mapped(DataSet("own", pixels, labels, pixels, labels, ("no", "yes"), 1.0), tmp_path / "images")
    refused = 0
    for file in (tmp_path / "images").iterdir():
        whole = file.read_bytes()
        cut_off = [whole[:length] for length in range(len(whole))]
        changed = [whole[:place] + bytes([byte ^ 0x80]) + whole[place + 1 :] for place, byte in enumerate(whole)]
        for damaged in cut_off + changed:
            file.write_bytes(damaged)
            refused += open_mapped(tmp_path / "images") is None
        file.write_bytes(whole)
    assert refused > 500
    assert open_mapped(tmp_path / "images") is not None
