"""Files that no study needs are found and removed; work of living studies, of other databases and of people stays."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from search.studies import main
from search.study.folder_mark import MARK, note_owner, owners
from search.study.folders import StudyFolder
from search.study.own_folder import prepare
from search.workers.join import study_folder
from storage import SharedStudy, create_study, open_artifacts, open_study
from storage.fingerprint import fingerprint
from storage.records import SlotOrder
from storage.tables import manifests
from storage.testkit import claimed, example_manifest, plain_client
from storage.transaction import writing
from storage.url import parse
from tests.helpers.lab import Lab

NAME = "study"
ID = "12345678-1234-1234-1234-123456789abc"


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["gc", *arguments, "--storage", url])


def found(url: str, *arguments: str) -> dict[str, Any]:
    done = run(url, "-f", "json", *arguments)
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture
def worked(lab_in: Callable[[str], Lab], sqlite_with_tables_url: str) -> Lab:
    """A study of two trials that are done, and one that is under way."""
    lab = lab_in(sqlite_with_tables_url)
    lab.acts = {slot: [{"scores": [0.2, 0.4, 0.5]}] for slot in range(2)}
    with lab.study(2) as shared:
        prepare(study_folder(shared, None), shared.manifest)
        lab.work()
        shared.ledger.order_up_to(3, order_of=SlotOrder)
        claimed(shared.ledger)
    return lab


def checkpoint(folder: StudyFolder, slot: int) -> Path:
    path = folder.checkpoint(slot, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    return path


def folder_of(lab: Lab) -> StudyFolder:
    with open_study(lab.url, NAME) as shared:
        return study_folder(shared, None)


def partly_stored(shared: SharedStudy, folder: StudyFolder) -> Path:
    """A file whose worker was killed while it stored it."""
    shared.kept.begin(ID, 0, "curves.svg")
    partial = folder.models / f"{ID}.partial"
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(b"half")
    return partial


def test_nothing_is_left_over_of_a_study_at_work(worked: Lab) -> None:
    own = checkpoint(folder_of(worked), 2)
    assert run(worked.url).stdout == "Nothing is left over.\n"
    assert found(worked.url, "--yes")["found"] == []
    assert own.exists()


def test_what_a_study_does_not_need_is_shown_and_removed_when_asked_for(worked: Lab) -> None:
    folder = folder_of(worked)
    running, finished = checkpoint(folder, 2), checkpoint(folder, 1)
    theirs = finished.with_name("notes.txt")
    theirs.write_text("theirs")
    with open_study(worked.url, NAME) as shared:
        partial = partly_stored(shared, folder)
        kept = {path for path in folder.models.iterdir() if path != partial}
    shown = found(worked.url, "--dry-run")
    assert [(one["kind"], one["bytes"]) for one in shown["found"]] == [("incomplete file", 4), ("finished trial", 1000)]
    assert partial.exists()
    assert finished.exists()
    assert "Nothing was removed: python -m search.studies gc --yes" in run(worked.url).stdout
    assert found(worked.url, "--yes")["removed"]
    assert not partial.exists()
    assert not finished.exists()
    assert theirs.exists()
    assert running.exists()
    assert set(folder.models.iterdir()) == kept
    assert found(worked.url)["found"] == []


def test_decoded_images_go_when_the_study_is_over(lab: Lab) -> None:
    lab.acts = {0: [{"scores": [0.2, 0.4, 0.5]}]}
    with lab.study(1) as shared:
        folder = study_folder(shared, None)
        lab.work()
    images = folder.images("0123456789abcdef")
    images.mkdir(parents=True)
    (images / "x_train.npy").write_bytes(b"x" * 50)
    [one] = found(lab.url, "--yes")["found"]
    assert (one["kind"], one["bytes"]) == ("decoded images", 50)
    assert not images.exists()


def deleted_by_optuna(lab: Lab) -> StudyFolder:
    """The folder of a study that another program has deleted."""
    folder = folder_of(lab)
    checkpoint(folder, 2)
    folder.logs.mkdir(exist_ok=True)
    (folder.logs / "worker-1.log").write_text("a line")
    with plain_client(lab.url) as storage:
        optuna.delete_study(study_name=NAME, storage=storage)
    return folder


def test_what_a_deleted_study_has_left_is_removed(worked: Lab) -> None:
    folder = deleted_by_optuna(worked)
    places = ("--artifacts", str(folder.artifacts))
    shown = found(worked.url, *places)
    assert {(one["kind"], one["study"]) for one in shown["found"]} == {("deleted study", NAME)}
    assert shown["bytes"] == 1006
    found(worked.url, "--yes", *places)
    assert not folder.root.exists()
    assert found(worked.url, *places)["found"] == []


def test_other_files_in_the_folder_of_a_deleted_study_stay(worked: Lab) -> None:
    folder = deleted_by_optuna(worked)
    for path in (folder.logs / "mine.txt", folder.slot(2) / "mine.txt", folder.root / "mine.txt"):
        path.write_text("theirs")
    found(worked.url, "--yes", "--artifacts", str(folder.artifacts))
    assert sorted(path.name for path in folder.root.rglob("*") if path.is_file()) == [MARK, *["mine.txt"] * 3]


def test_work_of_another_database_in_the_same_folder_stays(worked: Lab, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    folder = folder_of(worked)
    with create_study(other, NAME, example_manifest(artifacts=str(folder.artifacts))) as theirs:
        there = study_folder(theirs, None)
        prepare(there, theirs.manifest)
        own = checkpoint(there, 0)
    assert found(worked.url, "--yes")["unclear"] == [{"path": str(own.parents[2]), "bytes": 1000}]
    assert own.exists()
    assert "may be of a study in another database, and stays" in run(worked.url).stdout
    assert len(owners(folder.root)) == 2


def test_work_without_a_note_of_its_database_stays(worked: Lab) -> None:
    folder = deleted_by_optuna(worked)
    (folder.root / MARK).write_text("This folder was made by an earlier release.")
    shown = found(worked.url, "--yes", "--artifacts", str(folder.artifacts))
    assert shown["found"] == []
    assert len(shown["unclear"]) == 1
    assert folder.checkpoint(2, 1).exists()


def test_a_study_that_cannot_be_read_keeps_its_work(worked: Lab) -> None:
    own = checkpoint(folder_of(worked), 2)
    with open_study(worked.url, NAME) as shared, writing(shared.engine) as connection:
        connection.execute(sa.update(manifests).values(manifest="{"))
    found(worked.url, "--yes", "--artifacts", str(worked.folder / "artifacts"))
    assert own.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--yes", "--dry-run"), "give one of them"),
        (("--to", "sqlite:///x.db"), "--to is for copy"),
        ((NAME,), "gc takes no name"),
    ],
)
def test_wrong_words_are_refused(arguments: tuple[str, ...], said: str, worked: Lab) -> None:
    done = run(worked.url, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_database_is_the_same_by_every_path_and_user(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    ones, others = (parse(f"sqlite:///{tmp_path / place}") for place in ("a.db", "link/a.db")), parse("sqlite:///a.db")
    assert len({fingerprint(one) for one in ones}) == 1
    assert fingerprint(others) != fingerprint(parse(f"sqlite:///{tmp_path / 'a.db'}"))
    servers = ("postgresql://me:secret@db/x", "postgresql://you@db:5432/x?connect_timeout=1")
    assert len({fingerprint(parse(server)) for server in servers}) == 1


def test_an_owner_is_noted_once_and_only_in_a_marked_folder(tmp_path: Path) -> None:
    note_owner(tmp_path, "a" * 16, "b" * 16)
    assert not list(tmp_path.iterdir())
    (tmp_path / MARK).touch()
    for _ in range(2):
        note_owner(tmp_path, "a" * 16, "b" * 16)
    assert (tmp_path / MARK).read_text().count("\n") == 1
    assert owners(tmp_path) == {"a" * 16: "b" * 16}
    shutil.rmtree(tmp_path)
    assert owners(tmp_path) == {}


def test_a_file_that_is_removed_takes_its_part_along(tmp_path: Path) -> None:
    (tmp_path / f"{ID}.partial").write_bytes(b"half")
    open_artifacts(str(tmp_path)).remove(ID)
    assert list(tmp_path.iterdir()) == []
