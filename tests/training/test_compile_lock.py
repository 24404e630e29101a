"""Processes that need the same program: one compiles it, the others wait for that."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from search.training.backends import compile_lock as module
from search.training.backends.compile_lock import compile_lock

PROGRAM = "module @jit_steps"
HOLD = f"""
import sys, time
from pathlib import Path
from search.training.backends.compile_lock import compile_lock
with compile_lock(Path(sys.argv[1]), {PROGRAM!r}):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_another_that_needs_the_program_waits_until_it_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, sleep, done = threading.Event(), time.sleep, list[str]()

    def seen_sleep(seconds: float) -> None:
        waits.set()
        sleep(seconds)

    def other() -> None:
        with compile_lock(tmp_path, PROGRAM):
            done.append("other")

    monkeypatch.setattr(time, "sleep", seen_sleep)
    thread = threading.Thread(target=other)
    with compile_lock(tmp_path, PROGRAM):
        thread.start()
        assert waits.wait(30)
        done.append("first")
    thread.join(30)
    assert done == ["first", "other"]


def test_one_that_is_killed_while_it_compiles_keeps_nobody(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.kill()
    with compile_lock(tmp_path, PROGRAM):
        pass


def test_one_that_is_suspended_while_it_compiles_is_not_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    with compile_lock(tmp_path, PROGRAM), compile_lock(tmp_path, PROGRAM):
        pass


def test_nobody_waits_without_a_folder_or_for_a_lock_that_is_a_link(tmp_path: Path) -> None:
    with compile_lock(None, PROGRAM), compile_lock(None, PROGRAM):
        pass
    with compile_lock(tmp_path, PROGRAM):
        (lock,) = tmp_path.iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "strangers")
    with compile_lock(tmp_path, PROGRAM), compile_lock(tmp_path, PROGRAM):
        pass
    assert not (tmp_path / "strangers").exists()
