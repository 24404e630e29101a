"""Files in the current folder that have the names of modules stand in no import's way."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.carried_out import without_settings
from tests.helpers.launches import StartLaunch
from tests.helpers.paths import ROOT

IN_THE_WAY = "raise RuntimeError('this is not the module that was meant')"
FILES = ("storage.py", "spaces.py", "keras.py", "optuna.py", "random.py", "queue.py", "socket.py", "click.py")

SPACE = """
from neighbor import CHOICES
from spaces import Configuration, Space


def suggest(trial):
    return Configuration(dense=(trial.suggest_categorical("units", CHOICES),))


space = Space(name="mine", question="How many units?", suggest=suggest)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The user's folder, with a space, a package with the same, and a file of a name that no other module has."""
    (tmp_path / "neighbor.py").write_text("CHOICES = [8, 16]\n")
    (tmp_path / "mine.py").write_text(SPACE)
    (tmp_path / "mine_too").mkdir()
    (tmp_path / "mine_too" / "small.py").write_text(SPACE)
    return tmp_path


def run(folder: Path, *command: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = without_settings()
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", [("-m", "search.spaces"), ("-m", "search", "spaces")])
@pytest.mark.parametrize("ref", ["mine.py", "mine_too.small:space"])
def test_a_command_runs_next_to_files_named_as_modules(command: tuple[str, ...], ref: str, folder: Path) -> None:
    for name in FILES:
        (folder / name).write_text(IN_THE_WAY)
    done = run(folder, sys.executable, *command, ref)
    assert (done.returncode, done.stderr) == (0, "")
    assert "How many units?" in done.stdout


@pytest.mark.parametrize("marker", ["__init__.py", "README.md"])
def test_a_command_runs_next_to_folders_named_as_its_packages(marker: str, folder: Path) -> None:
    for name in ("storage", "spaces"):
        (folder / name).mkdir()
        (folder / name / marker).write_text(IN_THE_WAY)
    (folder / "spaces" / "own.py").write_text(SPACE.replace("from neighbor import CHOICES", "CHOICES = [8, 16]"))
    done = run(folder, sys.executable, "-m", "search.spaces", "spaces/own.py:space")
    assert (done.returncode, done.stderr) == (0, "")
    assert "How many units?" in done.stdout


def test_a_search_runs_next_to_them_with_all_its_processes(launch: StartLaunch, folder: Path) -> None:
    for name in FILES:
        (folder / name).write_text(IN_THE_WAY)
    small = ("--n-trials", 1, "--epochs", 1, "--limit-train", 100, "--n-workers", 1)
    running = launch("--space", "mine_too.small:space", *small, "-f", "json", folder=folder, own_server=True)
    printed = running.finish()
    assert running.code == 0, running.errors
    assert '"complete": 1' in printed


def test_a_notebook_searches_next_to_them(folder: Path) -> None:
    for name in FILES:
        (folder / name).write_text(IN_THE_WAY)
    flags = "n_trials=1, epochs=1, limit_train=100, n_workers=0, quiet=True"
    # Importing what its kernel has imported long before anybody works in a folder.
    loaded = "import sys; sys.path.remove(''); import search.launch, search.api.result; sys.path.insert(0, '')"
    program = f"{loaded}; search.run('mine.py', {flags})"
    done = run(folder, sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shadow", ["storage.py", "storage"])
def test_what_comes_before_our_packages_by_pythonpath_is_named(shadow: str, folder: Path) -> None:
    """As where `PYTHONPATH=$PYTHONPATH:/some/where` was typed, and there was none before."""
    (folder / shadow).write_text("") if shadow.endswith(".py") else package(folder / shadow)
    done = run(folder, sys.executable, "-m", "search.launch", "--space", "mine.py", PYTHONPATH=f":{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {folder / shadow} has the name of this project's package 'storage', {ROOT}/")
    assert "rename it" in done.stderr
    assert "Traceback" not in done.stderr


def package(place: Path) -> None:
    place.mkdir()
    (place / "__init__.py").write_text("")


def test_importing_the_package_next_to_one_is_explained_in_an_error(folder: Path) -> None:
    (folder / "storage.py").write_text("")
    done = run(folder, sys.executable, "-c", "import search")
    assert f"ImportError: {folder / 'storage.py'} has the name of this project's package 'storage'" in done.stderr


def test_a_checkout_that_is_not_installed_starts_its_children(tmp_path: Path) -> None:
    """Without PYTHONPATH: the project is where the command is typed, and nowhere else."""
    (tmp_path / "mine.py").write_text(SPACE.replace("from neighbor import CHOICES", "CHOICES = [8, 16]"))
    flags = (
        f"--storage=sqlite:///{tmp_path}/search.db",
        "--n-trials=1",
        "--epochs=1",
        "--limit-train=100",
        "--format=json",
    )
    command = ("-m", "search.launch", f"--space={tmp_path}/mine.py", "--n-workers=1", *flags)
    done = run(ROOT, sys.executable, *command, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    assert '"complete": 1' in done.stdout
