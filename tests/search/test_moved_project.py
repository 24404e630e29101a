"""A project folder that was moved, or whose images lie elsewhere now, is gone on with: paths aren't identity."""

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from search.errors import UsageError
from search.exporting.export import require_same_data
from search.study.folders import StudyFolder
from storage import open_study
from tests.helpers.carried_out import run_program

SPACE = """
from spaces.configuration import Block, Configuration
from spaces.space import Space

def suggest(trial):
    return Configuration(blocks=(Block((4,)),), dense=(trial.suggest_int("width", 4, 8),))

space = Space(name="own", question="How wide?", description="", suggest=suggest)
"""
SEARCH = ("--epochs", "8", "--pruner", "none", "--select", "last")
SMALL = ("--n-workers", "1", *SEARCH, "--storage", "sqlite:///search.db", "-q")
LAUNCH = ("launch", "--space", "own_space.py", "--dataset", "images.npz", *SMALL)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(server_of_trainers: str | None) -> Run:
    """Runs a command as it is typed in a folder: `run(folder, verb, *arguments)`."""
    return partial(run_program, server=server_of_trainers)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A project with a finished search of two trials, in another place than it was made in."""
    before = tmp_path_factory.mktemp("before") / "project"
    before.mkdir()
    (before / "own_space.py").write_text(SPACE)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (80, 8, 8, 1), np.uint8), np.arange(80) % 2
    images[labels == 1, :4] //= 8
    np.savez(before / "images.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    done = run(before, *LAUNCH, "--n-trials", "2")
    assert done.returncode == 0, done.stderr
    after = tmp_path_factory.mktemp("after") / "project"
    shutil.move(before, after)
    return after


def test_a_moved_project_is_searched_on_where_it_is_now(moved: Path, run: Run) -> None:
    before = {path.relative_to(moved) for path in moved.rglob("*.keras")} | set((moved / "search-artifacts").iterdir())
    done = run(moved, *LAUNCH, "--n-trials", "3")
    assert done.returncode == 0, done.stderr
    with open_study(f"sqlite:///{moved / 'search.db'}", "own-images") as shared:
        counts, stored = shared.ledger.counts(), Path(shared.manifest.artifacts)
        assert (counts.total, counts.failed) == (3, 0)
        assert not stored.exists()
        logs = StudyFolder(moved / "search-artifacts", shared.name, shared.key.stamp).logs
        assert len(list(logs.glob("worker-*.log"))) == 2
    assert before


def test_it_is_read_and_confirmed_there(moved: Path, run: Run) -> None:
    assert "conv 4" in run(moved, "best", "--study-name", "own-images").stdout
    told = run(moved, "confirm", "--search", "own-images", "--top", "1", "--seeds", "2", "--dry-run")
    assert told.returncode == 2
    assert "can't be found at" in told.stderr
    assert "give its path here with --space" in told.stderr
    flags = ("--space", "own_space.py:space", "--dataset", "images.npz")
    told = run(moved, "confirm", "--search", "own-images", "--top", "1", "--seeds", "2", "--dry-run", *flags)
    assert told.returncode == 0, told.stderr


def test_an_export_says_where_the_images_belong_and_takes_a_link(moved: Path, run: Run) -> None:
    with open_study(f"sqlite:///{moved / 'search.db'}", "own-images") as shared:
        place = Path(shared.manifest.dataset)
    export = ("export", "--study-name", "own-images", "-o", "model.keras", "-q")
    told = run(moved, *export)
    assert told.returncode == 2
    assert f"images can't be found at {place} on this host: bring them back there, or put a link" in told.stderr
    checked = " ".join(run(moved, "check", "--study-name", "own-images").stdout.split())
    assert "the images can't be read here: the study's images can't be found at" in checked
    place.parent.mkdir()
    place.symlink_to(moved / "images.npz")
    done = run(moved, *export)
    place.unlink()
    place.parent.rmdir()
    assert done.returncode == 0, done.stderr


def test_a_worker_is_told_where_space_and_images_are_on_its_host(moved: Path, tmp_path: Path, run: Run) -> None:
    assert run(moved, *LAUNCH, "--n-trials", "4", "--n-workers", "0").returncode == 0
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    shutil.copy(moved / "images.npz", elsewhere / "renamed.npz")
    shutil.copy(moved / "own_space.py", elsewhere)
    join = ("worker", "--storage", f"sqlite:///{moved / 'search.db'}", "--study-name", "own-images", "-q")
    lost = run(elsewhere, *join)
    assert lost.returncode == 2
    assert "give its path here with --space" in lost.stderr
    found = run(elsewhere, *join, "--space", "own_space.py:space", "--dataset", "renamed.npz")
    assert found.returncode == 0, found.stderr
    with open_study(f"sqlite:///{moved / 'search.db'}", "own-images") as shared:
        assert shared.ledger.counts().complete == 4


def test_other_images_in_the_same_place_are_not_the_studys(moved: Path, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "other.npz"
    with np.load(moved / "images.npz") as images:
        np.savez(other, **{name: images[name][::-1] for name in images.files})
    refused = run(
        moved, "launch", "--space", "own_space.py", "--dataset", str(other), "--study-name", "own-images", *SMALL
    )
    assert refused.returncode == 2
    assert "changed since the study was made" in refused.stderr


def test_an_export_of_changed_images_says_what_brings_it_about() -> None:
    with pytest.raises(UsageError, match=r"of /photos here are not those of the study .*: bring those back$"):
        require_same_data("a" * 64, "b" * 64, "/photos")
    with pytest.raises(UsageError, match=r"of mnist here are not those of the study .*: name their folder with --data"):
        require_same_data("a" * 64, "b" * 64, "mnist")
