"""The files of traced programs: whose they are, what is used of them, and when they go."""

import logging
import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search.host.program_folder import VARIABLE, program_files, program_folder, remove_programs
from search.training.shared_programs.trace_key import kept_steps, source_digest
from search.training.shared_programs.traced_files import TracedFiles, open_traced_files

KEY, PROGRAM = "a key", bytes(range(256)) * 4  # processes that import this have the same
LATER = 10.0  # seconds


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TracedFiles:
    """An empty folder."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "programs"))
    files = open_traced_files()
    assert files is not None
    return files


def only_file(files: TracedFiles) -> Path:
    (file,) = program_files(files.folder)
    return file.path


def said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def test_another_process_takes_what_one_has_stored(files: TracedFiles) -> None:
    assert files.get(KEY) is None
    files.put(KEY, PROGRAM)
    assert TracedFiles(files.folder).get(KEY) == PROGRAM
    assert files.get("another key") is None


def test_folder_and_files_are_the_users_alone(files: TracedFiles) -> None:
    files.put(KEY, PROGRAM)
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(files).stat().st_mode) == 0o600


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_a_damaged_file_is_not_used_and_replaced(
    files: TracedFiles, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    files.put(KEY, PROGRAM)
    damage(only_file(files))
    assert files.get(KEY) is None
    assert "is traced again: it is damaged" in said(caplog)
    files.put(KEY, PROGRAM)
    assert files.get(KEY) == PROGRAM


def test_a_file_of_something_else_is_not_used(files: TracedFiles, caplog: pytest.LogCaptureFixture) -> None:
    files.put("the key of an earlier release", PROGRAM)
    stale = only_file(files)
    files.put(KEY, b"")
    (own,) = {file.path for file in program_files(files.folder)} - {stale}
    stale.replace(own)
    assert files.get(KEY) is None
    assert "of other images, layers, packages or source" in said(caplog)


def test_a_file_or_folder_of_another_user_is_not_used(
    files: TracedFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files.put(KEY, PROGRAM)
    own = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: own + 1)
    assert files.get(KEY) is None
    assert "it is another user's" in said(caplog)
    assert open_traced_files() is None
    assert "it belongs to another user" in said(caplog)


def test_a_link_is_not_followed(files: TracedFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files.put(KEY, PROGRAM)
    elsewhere = tmp_path / "elsewhere"
    path = only_file(files).replace(elsewhere)
    files.put(KEY, PROGRAM)
    own = only_file(files)
    own.unlink()
    own.symlink_to(path)
    assert files.get(KEY) is None
    assert "is traced again" in said(caplog)


def test_a_folder_that_others_may_use_is_not_used(files: TracedFiles, caplog: pytest.LogCaptureFixture) -> None:
    files.folder.chmod(0o755)
    assert open_traced_files() is None
    assert f"chmod 700 {files.folder}" in said(caplog)


def test_a_folder_that_cannot_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "programs"))
    assert open_traced_files() is None
    assert "can't be created" in said(caplog)


def test_the_folder_is_in_the_users_cache_and_can_be_moved_and_turned_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert program_folder() == tmp_path / "keras-image-search" / "programs"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative, and so to be ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert str(program_folder()).startswith(str(tmp_path / "home"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "here"))
    assert program_folder() == tmp_path / "here"
    monkeypatch.setenv(VARIABLE, "off")
    assert program_folder() is None
    assert open_traced_files() is None


def test_a_full_folder_loses_what_was_used_least_recently(files: TracedFiles) -> None:
    files.put("0", PROGRAM)
    size = only_file(files).stat().st_size
    small = TracedFiles(files.folder, limit=3 * size)
    for number in (1, 2):
        small.put(str(number), PROGRAM)
    for age, file in enumerate(reversed(program_files(files.folder))):
        os.utime(file.path, (1e9 - age, 1e9 - age))
    assert small.get("0") == PROGRAM
    small.put("3", PROGRAM)
    assert sum(file.size for file in program_files(files.folder)) <= 3 * size
    assert small.get("0") == small.get("3") == PROGRAM
    assert [small.get("1"), small.get("2")].count(None) == 1


def test_a_disk_that_is_full_costs_nothing_but_the_file(
    files: TracedFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    files.put(KEY, PROGRAM)
    assert "can't be stored: [Errno 28] No space left on device" in said(caplog)
    assert not list(files.folder.iterdir())


def test_what_a_killed_process_has_partly_written_goes_and_other_files_stay(files: TracedFiles) -> None:
    part, of_user = files.folder / f".{'a' * 40}.1-2.part", files.folder / "notes.txt"
    for path in (part, of_user):
        path.touch()
        os.utime(path, (0, 0))
    files.put(KEY, PROGRAM)
    assert {path.name for path in files.folder.iterdir()} == {only_file(files).name, of_user.name}
    assert remove_programs(files.folder) == 1
    assert list(files.folder.iterdir()) == [of_user]


def write_often(folder: Path, until: float) -> None:
    files = TracedFiles(folder)
    while time.monotonic() < until:
        files.put(KEY, PROGRAM)


def test_processes_that_write_the_same_program_at_once_leave_it_whole(files: TracedFiles) -> None:
    files.put(KEY, PROGRAM)
    until = time.monotonic() + 0.5
    writers = [
        multiprocessing.get_context("spawn").Process(target=write_often, args=(files.folder, until + LATER))
        for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    while not all(writer.is_alive() for writer in writers):
        pass
    try:
        while time.monotonic() < until:
            assert files.get(KEY) == PROGRAM
    finally:
        for writer in writers:
            writer.kill()
            writer.join()
    assert files.get(KEY) == PROGRAM


def test_nothing_is_stored_once_the_source_has_changed(
    files: TracedFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A trainer may be forked long after its source was read, and traces what that said."""
    monkeypatch.setattr("search.training.shared_programs.trace_key.source_digest", lambda: "another")
    files.put(KEY, PROGRAM)
    assert not program_files(files.folder)
    assert "the source has changed" in said(caplog)


def test_other_layers_steps_versions_or_source_have_another_key(
    files: TracedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys() -> set[str]:
        both = kept_steps(files, ("layers", 64)), kept_steps(files, ("layers", 32))
        return {kept.key for steps in both for kept in (steps.train, steps.test) if kept is not None}

    before = keys()
    assert len(before) == 4
    assert keys() == before
    monkeypatch.setattr("search.training.shared_programs.trace_key.SOURCE", "another")
    assert not keys() & before
    monkeypatch.undo()
    monkeypatch.setattr("search.training.shared_programs.trace_key.VERSIONS", {"keras": "0.1"})
    assert not keys() & before


def test_the_source_of_a_new_layer_or_metric_changes_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.training.shared_programs.trace_key.FOLDERS", (tmp_path,))
    digests = {source_digest()}
    for text in ("", "weights = 1", "weights = 2"):
        (tmp_path / "class_weights.py").write_text(text)
        digests.add(source_digest())
    assert len(digests) == 4


@pytest.fixture(autouse=True)
def log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
