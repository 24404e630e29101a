"""Commands that only look at a study do so where nothing can be written, and leave everything as it was."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.host.exit_codes import EXIT_USAGE
from tests.helpers.lab import Lab
from tests.helpers.paths import ROOT

LOG, INDEX = "search.db-wal", "search.db-shm"


@pytest.fixture
def archive() -> Iterator[Path]:
    """An empty folder, which is closed for writing by `closed`."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        Path(folder).chmod(0o755)


def closed(folder: Path) -> dict[str, bytes]:
    """Takes the right to write the folder and its files away; gives what is in it."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_rights(*arguments: str) -> list[str]:
    """The command, run by a user to whom permissions mean something: not root, or root without its privilege."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return [*drop, sys.executable, "-m", *arguments]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SEARCH_", "OPTUNA_"))}
    environment = {**inherited, "PYTHONPATH": str(ROOT)}
    return subprocess.run(without_rights(*arguments), cwd=cwd, env=environment, capture_output=True, text=True)


def finished_alone(lab: Lab, archive: Path) -> None:
    """No process has the database open, and all of it is in one file."""
    lab.close()
    shutil.copy(lab.folder / "search.db", archive)


def with_its_log(lab: Lab, archive: Path) -> None:
    """It was copied while it was open: most of it is in the log, of which there is no index."""
    for name in ("search.db", LOG):
        shutil.copy(lab.folder / name, archive)
    assert (archive / LOG).stat().st_size


def with_log_and_index(lab: Lab, archive: Path) -> None:
    """As it looks while another process is at work on it."""
    for name in ("search.db", LOG, INDEX):
        shutil.copy(lab.folder / name, archive)


@pytest.fixture(params=[finished_alone, with_its_log, with_log_and_index], ids=lambda kind: kind.__name__)
def url(request: pytest.FixtureRequest, lab: Lab, archive: Path) -> str:
    """The URL of a study of two trials in a folder that can be written no more."""
    lab.study(2)
    lab.work()
    request.param(lab, archive)
    return f"sqlite:///{archive / 'search.db'}"


def test_a_study_is_looked_at_where_nothing_can_be_written(url: str, archive: Path, tmp_path: Path) -> None:
    before = closed(archive)
    status = run("search.status", "--storage", url, cwd=tmp_path)
    best = run("search.best", "--storage", url, "-f", "json", cwd=tmp_path)
    report = run("search.report", "--storage", url, "-o", str(tmp_path / "page.html"), cwd=tmp_path)
    assert [(done.returncode, done.stderr) for done in (status, best)] == [(0, ""), (0, "")]
    assert "2/2 trials" in status.stdout
    assert '"epochs": 3' in best.stdout
    assert report.returncode == 0, report.stderr
    assert "<html" in (tmp_path / "page.html").read_text()
    assert contents(archive) == before


def test_the_dashboard_shows_it(url: str, archive: Path, tmp_path: Path) -> None:
    before = closed(archive)
    with dashboard(url, tmp_path) as address, urllib.request.urlopen(f"{address}/api/studies") as answer:  # noqa: S310
        assert b'"study_name":"study"' in answer.read().replace(b": ", b":")
    assert contents(archive) == before


@contextlib.contextmanager
def dashboard(url: str, folder: Path) -> Iterator[str]:
    """The address of a dashboard that is serving."""
    command = without_rights("search.dashboard", "--storage", url, "--port", "0")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        assert "The dashboard is on http://" in said, said + process.stderr.read()
        yield said.split()[4].rstrip(".")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


@pytest.mark.parametrize("closed_to_all", ["search.db", "."], ids=["file", "folder"])
def test_what_cannot_be_read_is_said(closed_to_all: str, lab: Lab, archive: Path, tmp_path: Path) -> None:
    lab.study(1)
    finished_alone(lab, archive)
    (archive / closed_to_all).chmod(0o000)
    status = run("search.status", "--storage", f"sqlite:///{archive / 'search.db'}", cwd=tmp_path)
    assert status.returncode == EXIT_USAGE
    assert status.stderr.startswith("Error: ")
    assert "search.db" in status.stderr
    assert "Traceback" not in status.stderr


def test_what_changes_a_study_still_asks_for_a_folder_that_can_be_written(
    url: str, archive: Path, tmp_path: Path
) -> None:
    before = closed(archive)
    for command in (
        ("search.launch", "--space", "bn_dropout", "--storage", url, "--study-name", "study"),
        ("search.worker", "--storage", url, "--study-name", "study"),
        ("search.stop", "--storage", url, "--study-name", "study"),
    ):
        done = run(*command, cwd=tmp_path)
        assert (done.returncode, "can't be written" in done.stderr) == (EXIT_USAGE, True), done.stderr
    assert contents(archive) == before
