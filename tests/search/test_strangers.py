"""What others have put next to the project's files is there, untouched, whatever the project does.

A search is launched, gone on with, compared, confirmed, exported and cleaned up after, for real, in a folder in which
a stranger's file lies next to everything that the first launch has made, and next to all that the next ones will make.
"""

from pathlib import Path
from typing import Protocol

import pytest

from search.study.folders import StudyFolder
from storage import open_study
from tests.helpers.carried_out import run_program

URL = "sqlite:///search.db"
SMALL = ("--storage", URL, "--artifacts", "files", "--epochs", "3", "--limit-train", "600", "--n-workers", "1", "-q")


class Run(Protocol):
    """Carries a command out, and expects it to succeed."""

    def __call__(self, verb: str, *arguments: str) -> None: ...


@pytest.fixture
def run(tmp_path: Path, server_of_trainers: str | None) -> Run:
    def in_folder(verb: str, *arguments: str) -> None:
        done = run_program(tmp_path, verb, *arguments, server=server_of_trainers)
        assert done.returncode == 0, done.stderr

    return in_folder


def put_next_to(folders: list[Path]) -> dict[Path, str]:
    """Puts a file into each of the folders, and others that have names like those of ours."""
    names = ("notes.txt", "token-1.npz.bak", "model.keras", "x_train.npz", "1f0c9e00-0000-0000-0000-00000000000x")
    files = {folder / name: f"a stranger's, {folder}, {name}" for folder in folders for name in names}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return files


def folder_of(home: Path, study_name: str) -> StudyFolder:
    with open_study(f"sqlite:///{home / 'search.db'}", study_name) as shared:
        return StudyFolder(home / "files", study_name, shared.key.stamp)


def places(folder: StudyFolder) -> list[Path]:
    """The folders of a study in which it makes files, those that are there for a while only among them."""
    slots = [folder.slot(number) for number in range(3)]
    images = folder.images("f" * 64)
    return [folder.root, folder.logs, *slots, slots[0].parent, slots[0].parents[1], images, images.parent]


def put_next_to_search(home: Path, folder: StudyFolder) -> dict[Path, str]:
    """Puts files of a stranger's wherever the search in the folder has a folder, and next to those."""
    here = [path for path in (home / "files").rglob("*") if path.is_dir()]
    return put_next_to([home, home / "files", folder.models, *here, *places(folder)])


@pytest.mark.parametrize("name", [pytest.param("models", marks=pytest.mark.long), ".."])
def test_a_stranger_s_files_are_there_after_a_search_of_an_odd_name(name: str, tmp_path: Path, run: Run) -> None:
    """Its comparison and confirmation have folders that are made as the search's is."""
    search = ("--space", "bn_dropout", "--study-name", name, *SMALL)
    run("launch", *search, "--n-trials", "1")
    folder = folder_of(tmp_path, name)
    strangers = put_next_to_search(tmp_path, folder)
    run("launch", *search, "--n-trials", "2")
    assert {path: path.read_text() for path in strangers} == strangers
    assert not ours_left(folder, strangers)


@pytest.mark.long
def test_a_stranger_s_files_are_there_after_everything(tmp_path: Path, run: Run) -> None:
    name = "größe 100% / v1.2"
    search = ("--space", "bn_dropout", "--study-name", name, *SMALL)
    run("launch", *search, "--n-trials", "1")
    folder = folder_of(tmp_path, name)
    strangers = put_next_to_search(tmp_path, folder)
    run("launch", *search, "--n-trials", "3")
    compare = ("--space", "bn_dropout", "--axis", "batch_norm", "--seeds", "2", "--study-name", f"{name}/c", *SMALL)
    run("compare", *compare)
    strangers |= put_next_to(places(folder_of(tmp_path, f"{name}/c")))
    run("compare", *compare)
    confirm = ("--search", name, "--top", "2", "--seeds", "2", "--study-name", f"{name}/d", *SMALL)
    run("confirm", *confirm)
    run("export", "--storage", URL, "--study-name", name, "-o", "best.keras", "-q")
    assert {path: path.read_text() for path in strangers} == strangers
    assert not ours_left(folder, strangers)


def ours_left(folder: StudyFolder, strangers: dict[Path, str]) -> set[Path]:
    """Files of the search that it should have taken away."""
    passing = folder.slot(0).parents[1]
    return {path for path in passing.rglob("*") if path.is_file()} - strangers.keys()
