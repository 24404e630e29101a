"""The images of a study, decoded once on a machine for all its trainers."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from search.datasets import DataSet, load_dataset
from search.datasets.mapped import open_mapped, write_mapped
from search.study import images
from search.study.images import find_images
from search.trainers.protocol import DataSource
from storage import Manifest
from tests.helpers.launches import StartLaunch


@pytest.fixture(autouse=True)
def small_is_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few images are shared as many are."""
    monkeypatch.setattr(images, "SMALLEST", 0)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A data set of your own: 40 noisy images of 2 classes."""
    return save(tmp_path / "own.npz", seed=0)


def save(path: Path, seed: int) -> Path:
    x = np.random.default_rng(seed).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    np.savez(path, x_train=x, y_train=np.arange(40) % 2)
    return path


@pytest.fixture
def study(manifest: Manifest, own: Path) -> Manifest:
    """The manifest of a study on it."""
    return msgspec.structs.replace(manifest, dataset=str(own), dataset_fingerprint=load_dataset(str(own)).fingerprint())


@pytest.fixture
def data(own: Path, tmp_path: Path) -> DataSource:
    """What a worker on that study would hand its trainer."""
    return DataSource(str(own), decoded=str(tmp_path / "images" / "0123"))


@pytest.fixture
def decoded(data: DataSource) -> Path:
    """The folder where the decoded images are to be."""
    return Path(data.decoded or "")


def opened(folder: Path) -> DataSet:
    dataset = open_mapped(folder)
    assert dataset is not None
    return dataset


def test_decoded_images_are_those_of_the_source_bit_for_bit(study: Manifest, data: DataSource, decoded: Path) -> None:
    assert find_images(study, data) == study.dataset_fingerprint
    read, mapped = load_dataset(data.dataset), opened(decoded)
    assert mapped.fingerprint() == read.fingerprint()
    assert (mapped.name, mapped.classes, mapped.pixel_max) == (read.name, read.classes, read.pixel_max)


def test_mapped_arrays_cant_be_written_to(study: Manifest, data: DataSource, decoded: Path) -> None:
    find_images(study, data)
    mapped = opened(decoded)
    for array in (mapped.x_train, mapped.y_train, mapped.x_test, mapped.y_test):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_of_workers_that_come_at_once_one_decodes(
    study: Manifest, data: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def counted(dataset: DataSet, folder: Path) -> None:
        written.append(folder)
        write_mapped(dataset, folder)

    monkeypatch.setattr("search.datasets.mapped.write_mapped", counted)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: find_images(study, data), range(4)))
    assert found == [study.dataset_fingerprint] * 4
    assert len(written) == 1


def test_a_source_that_isnt_the_studys_is_found_out_and_not_shared(
    study: Manifest, own: Path, data: DataSource, decoded: Path
) -> None:
    save(own, seed=1)
    assert find_images(study, data) == load_dataset(str(own)).fingerprint() != study.dataset_fingerprint
    assert not decoded.exists()


def test_a_source_that_has_changed_since_doesnt_change_what_a_study_trains_on(
    study: Manifest, own: Path, data: DataSource, decoded: Path
) -> None:
    find_images(study, data)
    save(own, seed=1)
    assert find_images(study, data) == opened(decoded).fingerprint() == study.dataset_fingerprint


def test_what_a_killed_worker_left_half_written_is_removed(study: Manifest, data: DataSource, decoded: Path) -> None:
    half = decoded.parent / ".part-killed" / decoded.name
    half.mkdir(parents=True)
    (half / "x_train.npy").write_bytes(b"half")
    find_images(study, data)
    assert opened(decoded).fingerprint() == study.dataset_fingerprint
    assert {path.name for path in decoded.parent.iterdir()} <= {decoded.name, ".lock"}


@pytest.mark.parametrize("damage", ["a pixel", "the end", "everything"])
def test_damaged_images_are_removed_and_the_source_is_read(
    study: Manifest, data: DataSource, decoded: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    find_images(study, data)
    file = decoded / "x_train.npy"
    whole = file.read_bytes()
    file.write_bytes({"a pixel": whole[:-1] + b"\1", "the end": whole[:-9], "everything": b""}[damage])
    assert find_images(study, data) == study.dataset_fingerprint
    assert "were damaged, and are removed" in caplog.text
    assert not decoded.exists()


def test_without_a_folder_each_trainer_reads_for_itself(
    study: Manifest, data: DataSource, decoded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    decoded.parent.write_text("a file where the folder would be")
    assert find_images(study, data) == study.dataset_fingerprint
    assert "each trainer reads the images for itself: they can't be shared" in caplog.text


def test_a_disk_with_little_room_is_left_alone(
    study: Manifest, data: DataSource, decoded: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(images, "ROOM", 10**15)
    assert find_images(study, data) == study.dataset_fingerprint
    assert "MB left" in caplog.text
    assert not decoded.exists()


def test_on_a_full_disk_nothing_is_left_and_each_trainer_reads_for_itself(
    small_disk: Path,
    study: Manifest,
    data: DataSource,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(images, "ROOM", 0)
    folder = small_disk / "images" / "0123"
    subprocess.run(["fallocate", "-l", "196k", small_disk / "filling"], check=True)
    assert find_images(study, msgspec.structs.replace(data, decoded=str(folder))) == study.dataset_fingerprint
    assert "No space left on device" in caplog.text
    assert {path.name for path in folder.parent.glob("*")} <= {".lock"}


def test_few_images_arent_shared(
    study: Manifest, data: DataSource, decoded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "SMALLEST", 2**24)
    assert find_images(study, data) == study.dataset_fingerprint
    assert not decoded.parent.exists()


def test_a_search_shares_images_and_removes_them_when_it_is_done(launch: StartLaunch, tmp_path: Path) -> None:
    own, x = tmp_path / "large.npz", np.random.default_rng(0).integers(0, 256, (640, 176, 176)).astype(np.uint8)
    y = np.arange(len(x)) % 2
    np.savez(own, x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    running = launch(
        *("--space", "bn_dropout", "--dataset", own, "--n-trials", 1, "--epochs", 1, "--n-workers", 1, "-f", "json")
    )
    running.finish()
    artifacts = running.folder / "search-artifacts"
    logs = "".join(path.read_text(errors="replace") for path in artifacts.rglob("*.log"))
    assert running.code == 0, running.errors + logs
    assert "the decoded images, 19 MB, are in" in logs
    assert not list(artifacts.rglob("x_train.npy"))
