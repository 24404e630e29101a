"""Joining a study waits for no other process; creating one waits for its turn, as long as it is told to wait."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage import schema, study
from storage.errors import StorageUnreachable, StudyNotFound
from storage.manifest import Manifest
from storage.study import create_study, open_study, study_names
from storage.testkit import example_manifest
from storage.transaction import writing
from storage.url import check_url
from tests.helpers.paths import ROOT

JOINERS = 12

HOLD = """
import sys
from storage.schema import creation_lock
from storage.url import parse

with creation_lock(parse(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def lock_held(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock under which tables and studies are made, until a line comes."""
    command = [sys.executable, "-c", HOLD, check_url(url)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")


def test_many_join_at_once_while_a_creator_is_suspended(storage_url: str) -> None:
    create_study(storage_url, "demo", example_manifest()).close()
    together = threading.Barrier(JOINERS)

    def join(_: int) -> Manifest:
        together.wait()
        with open_study(storage_url, "demo") as joined:
            return joined.manifest

    with lock_held(storage_url) as holder, ThreadPoolExecutor(JOINERS) as pool:
        os.kill(holder.pid, signal.SIGSTOP)
        assert list(pool.map(join, range(JOINERS))) == [example_manifest()] * JOINERS


def test_a_launch_that_finds_its_study_waits_for_no_creator(storage_url: str) -> None:
    create_study(storage_url, "demo", example_manifest()).close()
    with lock_held(storage_url), create_study(storage_url, "demo", example_manifest()) as again:
        assert not again.created
        assert study_names(storage_url) == ["demo"]


def test_joining_waits_for_no_writer(sqlite_url: str) -> None:
    with create_study(sqlite_url, "demo", example_manifest()) as busy, writing(busy.engine):
        open_study(sqlite_url, "demo").close()


def test_joining_while_the_study_is_being_made_gives_it(
    empty_storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = study.establish

    with ThreadPoolExecutor(1) as pool:
        joining = []

        def make_with_a_joiner_at_the_door(*arguments: object) -> bool:
            joining.append(pool.submit(open_study, empty_storage_url, "demo"))
            return make(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(study, "establish", make_with_a_joiner_at_the_door)
        create_study(empty_storage_url, "demo", example_manifest()).close()
        with joining[0].result() as joined:
            assert joined.manifest == example_manifest()


@pytest.mark.parametrize("missing", ["the study", "the tables"])
def test_a_lock_that_is_held_is_waited_for(
    missing: str, empty_storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "the study":
        create_study(empty_storage_url, "another", example_manifest()).close()
    monkeypatch.setattr(schema, "LOCK_WAIT_S", 0.05)
    with lock_held(empty_storage_url) as holder:
        with pytest.raises(StorageUnreachable, match="lock"):
            create_study(empty_storage_url, "demo", example_manifest())
        monkeypatch.setattr("time.sleep", lambda _: let_go(holder))
        with create_study(empty_storage_url, "demo", example_manifest(), wait_s=60.0) as made:
            assert made.created


def test_a_joiner_that_finds_nothing_waits_for_a_process_that_may_be_making_it(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LOCK_WAIT_S", 0.05)
    with lock_held(storage_url) as holder:
        with pytest.raises(StorageUnreachable, match="lock"):
            open_study(storage_url, "demo")
        monkeypatch.setattr("time.sleep", lambda _: let_go(holder))
        with pytest.raises(StudyNotFound):
            open_study(storage_url, "demo", wait_s=60.0)
