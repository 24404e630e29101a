"""A SQLite file that is taken away under those who use it: they notice at their next step, and make no other one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.errors import StorageGone
from storage.records import SlotOrder, WorkerInfo
from storage.study import SharedStudy, create_study, open_study
from storage.testkit import LEASE_S, claimed, example_manifest

STEPS: dict[str, Callable[[SharedStudy], Any]] = {
    "claim": lambda shared: shared.ledger.claim("worker", LEASE_S),
    "look": lambda shared: shared.ledger.counts(),
    "sign of life": lambda shared: shared.workers.beat("worker"),
    "Optuna's": lambda shared: shared.study.ask(),
    "history": lambda shared: shared.trials.history.trials(),
}


@pytest.fixture
def path(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture
def shared(sqlite_with_tables_url: str) -> Iterator[SharedStudy]:
    with create_study(sqlite_with_tables_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(3, SlotOrder)
        shared.workers.register(WorkerInfo("worker", "host", 1))
        claimed(shared.ledger)
        yield shared


def delete_all(path: Path) -> None:
    for each in (path, log_of(path), index_of(path)):
        each.unlink()


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def index_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-shm")


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    other.write_bytes(path.read_bytes())
    other.replace(path)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "deleted": (Path.unlink, r"search.db' was deleted while it was in use"),
    "deleted with its log": (delete_all, r"search.db' was deleted while it was in use"),
    "replaced": (replace, r"search.db' was replaced by another file"),
    "log deleted": (lambda path: log_of(path).unlink(), r"search.db-wal' was deleted or replaced"),
    "index deleted": (lambda path: index_of(path).unlink(), r"search.db-shm' was deleted or replaced"),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_whatever_is_done_next_says_what_is_gone(
    shared: SharedStudy, path: Path, step: Callable[[SharedStudy], Any], damage: Callable[[Path], None], words: str
) -> None:
    damage(path)
    left = sorted(path.parent.iterdir())
    with pytest.raises(StorageGone, match=words):
        step(shared)
    assert sorted(path.parent.iterdir()) == left


def test_a_new_connection_makes_no_empty_file(shared: SharedStudy, path: Path) -> None:
    shared.engine.dispose()
    delete_if_there(path)
    with pytest.raises(StorageGone):
        shared.ledger.claim("worker", LEASE_S)
    assert not path.exists()


def delete_if_there(path: Path) -> None:
    for each in (path, log_of(path), index_of(path)):
        each.unlink(missing_ok=True)


def test_a_study_made_again_in_the_same_place_is_another_one(shared: SharedStudy, sqlite_url: str, path: Path) -> None:
    delete_all(path)
    with create_study(sqlite_url, "demo", example_manifest()) as again:
        again.ledger.order_up_to(1, SlotOrder)
        with pytest.raises(StorageGone, match="replaced by another file"):
            shared.ledger.claim("worker", LEASE_S)
        shared.close()
        assert again.ledger.counts().waiting == 1


def test_when_the_log_was_deleted_what_was_committed_is_there_once_all_have_left(
    shared: SharedStudy, sqlite_url: str, path: Path
) -> None:
    log_of(path).unlink()
    with pytest.raises(StorageGone, match="End every process"):
        shared.ledger.counts()
    shared.close()
    with open_study(sqlite_url, "demo") as again:
        assert (again.ledger.counts().leased, again.ledger.counts().waiting) == (1, 2)
