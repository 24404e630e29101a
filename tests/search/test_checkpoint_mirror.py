"""Checkpoints that travel between hosts through an artifact store."""

from pathlib import Path

import msgspec
import pytest

from search.study.folders import StudyFolder
from search.workers.checkpoint_mirror import CheckpointMirror
from storage import open_artifacts
from storage.records import Lease, SlotSettings

STAMP = "0123456789abcdef" * 2
FIRST = Lease(3, 1, "a", 0, None, 7, SlotSettings(), 0, None, 30.0)
SECOND = msgspec.structs.replace(FIRST, token=2, worker_id="b")


def mirror_of(host: Path, store: Path, stamp: str = STAMP) -> CheckpointMirror:
    return CheckpointMirror(StudyFolder(host, "a study/1", stamp, "s3://bucket"), open_artifacts(str(store)))


@pytest.fixture
def there(tmp_path: Path) -> CheckpointMirror:
    """The mirror of a host on which an attempt has written a checkpoint."""
    mirror = mirror_of(tmp_path / "there", tmp_path / "store")
    checkpoint = mirror.folder.checkpoint(FIRST.slot, FIRST.token)
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"epoch 4")
    return mirror


def test_a_study_of_the_same_name_neither_finds_nor_removes_it(there: CheckpointMirror, tmp_path: Path) -> None:
    there.put(FIRST)
    other = mirror_of(tmp_path / "other", tmp_path / "store", stamp=STAMP[::-1])
    other.fetch(SECOND)
    assert not other.folder.checkpoint(FIRST.slot, FIRST.token).exists()
    other.remove(SECOND.slot, SECOND.token)
    assert len(list((tmp_path / "store").iterdir())) == 1


@pytest.fixture
def here(tmp_path: Path) -> CheckpointMirror:
    """The mirror of another host, with which the first shares only the store."""
    return mirror_of(tmp_path / "here", tmp_path / "store")


def test_the_next_attempt_finds_the_checkpoint_on_another_host(there: CheckpointMirror, here: CheckpointMirror) -> None:
    there.put(FIRST)
    here.fetch(SECOND)
    assert here.folder.checkpoint(FIRST.slot, FIRST.token).read_bytes() == b"epoch 4"


def test_a_later_checkpoint_takes_the_place_of_an_earlier_one(there: CheckpointMirror, here: CheckpointMirror) -> None:
    there.put(FIRST)
    there.folder.checkpoint(FIRST.slot, FIRST.token).write_bytes(b"epoch 5")
    there.put(FIRST)
    here.fetch(SECOND)
    assert here.folder.checkpoint(FIRST.slot, FIRST.token).read_bytes() == b"epoch 5"


def test_without_a_checkpoint_the_next_attempt_starts_again(here: CheckpointMirror) -> None:
    here.put(FIRST)
    here.fetch(SECOND)
    assert not here.folder.checkpoint(FIRST.slot, FIRST.token).exists()


def test_nothing_of_a_finished_slot_stays_in_the_store(there: CheckpointMirror, tmp_path: Path) -> None:
    there.put(FIRST)
    there.remove(SECOND.slot, SECOND.token)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_store_that_fails_costs_no_trial(
    there: CheckpointMirror, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_text("no folder any more")
    there.put(FIRST)
    assert "the checkpoint isn't in the store" in caplog.text
