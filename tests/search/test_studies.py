"""Studies as wholes: listed, renamed, copied into another kind of database, deleted; nothing else is touched."""

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from optuna.trial import TrialState

from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.status import main as status
from search.studies import main
from search.studies.duplication import copy
from search.study.folder_mark import MARK
from storage import SharedStudy, create_study, open_study
from storage.artifacts import FolderStore
from storage.errors import ForeignStudy, NameTaken
from storage.records import SlotOrder, WorkerInfo
from storage.tables import OF_A_STUDY, manifests
from storage.testkit import claimed, example_epoch, example_manifest, plain_client
from storage.transaction import writing
from tests.helpers.lab import Lab
from tests.helpers.outages import broken_at

NAME = "study"
Found = list[dict[str, Any]]


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--storage", url])


def listed(url: str) -> Found:
    done = run(url, "-f", "json")
    assert done.exit_code == 0, done.output
    found: Found = json.loads(done.stdout)
    return found


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


def trials_of(url: str, name: str) -> list[tuple[object, ...]]:
    """Everything that a plain client of Optuna sees of the trials, but who made them and when."""
    with plain_client(url) as storage:
        trials = optuna.load_study(study_name=name, storage=storage).get_trials()
    return [
        (one.number, one.state, one.values, one.params, one.distributions, one.intermediate_values, one.user_attrs)
        for one in trials
    ]


def files_of(shared: SharedStudy) -> dict[str, bytes]:
    """What the study has kept of its trials, by the names in its store."""
    folder = Path(shared.manifest.artifacts) / "models"
    return {file.artifact_id: (folder / file.artifact_id).read_bytes() for file in shared.kept.all()}


def rows_left(shared: SharedStudy) -> int:
    with shared.engine.connect() as connection:
        counts = [sa.select(sa.func.count()).where(table.c.study_id == shared.study_id) for table in OF_A_STUDY]
        return sum(connection.scalar(count) or 0 for count in counts)


@pytest.fixture
def worked(lab_in: Callable[[str], Lab], storage_url: str) -> Lab:
    """A study of three trials that are done, in either kind of database."""
    lab = lab_in(storage_url)
    lab.acts = {slot: [{"scores": [0.2, 0.4, 0.5 + slot / 10]}] for slot in range(3)}
    lab.study(3)
    lab.work()
    return lab


@pytest.fixture
def other_url(worked: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database of the other kind, which isn't there yet, or is empty."""
    if worked.url.startswith("sqlite"):
        found: str = request.getfixturevalue("empty_postgres_url")
        return found
    return f"sqlite:///{tmp_path / 'copy.db'}"


def test_the_studies_of_a_database_are_listed_with_what_they_hold(worked: Lab) -> None:
    with create_study(worked.url, "another", example_manifest()) as another:
        another.ledger.order_up_to(2, order_of=SlotOrder)
    with plain_client(worked.url) as storage:
        optuna.create_study(storage=storage, study_name="a stranger's")
    first, second = listed(worked.url)
    assert (first["name"], first["finished"], first["trials"], first["best"]) == ("another", 0, 2, None)
    assert (second["name"], second["kind"], second["finished"], second["trials"]) == (NAME, "search", 3, 3)
    assert (second["best"], second["best_trial"], second["space"]) == (0.7, 2, "bn_dropout")
    with open_study(worked.url, NAME) as shared:
        assert second["bytes"] >= sum(map(len, files_of(shared).values())) > 0
    shown = run(worked.url).output
    assert "2 studies in" in shown
    assert "0.7000 (trial 2)" in shown


def test_status_without_a_name_lists_them_where_there_are_several(worked: Lab) -> None:
    with create_study(worked.url, "another", example_manifest()):
        pass
    shown = CliRunner().invoke(status, ["--storage", worked.url]).output
    assert "2 studies in" in shown
    assert "another" in shown


def test_one_that_cannot_be_read_is_named_with_the_reason_and_keeps_no_other_from_being_listed(worked: Lab) -> None:
    with create_study(worked.url, "damaged", example_manifest()) as damaged, writing(damaged.engine) as connection:
        connection.execute(sa.update(manifests).where(manifests.c.study_id == damaged.study_id).values(manifest="{"))
    found = {one["name"]: one for one in listed(worked.url)}
    assert "manifest can't be read" in found["damaged"]["problem"]
    assert found[NAME]["finished"] == 3
    assert "damaged: the study's manifest can't be read" in " ".join(run(worked.url).output.split())


def test_a_renamed_study_is_continued_in_its_own_folder(worked: Lab) -> None:
    before = trials_of(worked.url, NAME)
    artifacts = worked.folder / "artifacts"
    (artifacts / NAME).mkdir(exist_ok=True)
    assert run(worked.url, "rename", NAME, "renamed").output == f"{NAME} is called renamed.\n"
    assert trials_of(worked.url, "renamed") == before
    with open_study(worked.url, "renamed") as shared:
        shared.ledger.order_up_to(4, order_of=SlotOrder)
        assert claimed(shared.ledger).slot == 3
    assert [one["name"] for one in listed(worked.url)] == ["renamed"]


def test_a_study_takes_no_other_s_name_and_no_other_s_folder(worked: Lab) -> None:
    artifacts = worked.folder / "artifacts"
    (artifacts / NAME).mkdir(exist_ok=True)
    (artifacts / NAME / MARK).touch()
    (artifacts / "theirs").mkdir()
    assert "is there already: choose another name" in refused(run(worked.url, "rename", NAME, "theirs"))
    with create_study(worked.url, "another", example_manifest()):
        pass
    assert "there is a study 'another' already" in refused(run(worked.url, "rename", NAME, "another"))
    assert (artifacts / NAME / MARK).exists()
    assert [one["name"] for one in listed(worked.url)] == ["another", NAME]


def test_a_copy_in_the_other_kind_of_database_is_the_same_study_and_a_study_of_its_own(
    worked: Lab, other_url: str, tmp_path: Path
) -> None:
    before = trials_of(worked.url, NAME)
    place = tmp_path / "copied"
    done = run(worked.url, "copy", NAME, "second", "--to", other_url, "--artifacts", str(place))
    assert done.exit_code == 0, done.output
    assert "3 trials" in done.output
    assert trials_of(other_url, "second") == before
    with open_study(worked.url, NAME) as source, open_study(other_url, "second") as copied:
        assert files_of(copied) == files_of(source)
        assert copied.ledger.outcomes() == source.ledger.outcomes()
        assert [copied.ledger.epochs(number) for number in range(3)] == [
            source.ledger.epochs(number) for number in range(3)
        ]
        assert copied.key.stamp != source.key.stamp
        kept = files_of(source)
    deleted = run(other_url, "delete", "second", "--yes")
    assert deleted.exit_code == 0, deleted.output
    assert not place.exists()
    with open_study(worked.url, NAME) as source:
        assert files_of(source) == kept


def test_what_was_under_way_is_claimed_again_in_the_copy_and_goes_on_as_the_same_trial(
    worked: Lab, other_url: str, tmp_path: Path
) -> None:
    with open_study(worked.url, NAME) as shared:
        shared.ledger.order_up_to(4, order_of=SlotOrder)
        lease = claimed(shared.ledger)
        number = shared.trials.fenced.create(lease, lambda _: optuna.trial.create_trial(state=TrialState.RUNNING))
        shared.ledger.record_epoch(lease, example_epoch(1))
    done = run(worked.url, "copy", NAME, "--to", other_url, "--artifacts", str(tmp_path / "copied"))
    assert "1 of them begin again from their first epoch" in done.output
    with open_study(other_url, NAME) as copied:
        again = claimed(copied.ledger)
        assert (again.slot, again.trial_number) == (3, number)
        assert [row.epoch for row in copied.ledger.epochs(number)] == [1]


def test_a_copy_that_is_cut_off_is_no_study_and_the_next_one_is_whole(
    worked: Lab, other_url: str, tmp_path: Path
) -> None:
    flags = ("copy", NAME, "--to", other_url, "--artifacts", str(tmp_path / "copied"))
    with broken_at("INSERT INTO search_slots"):
        assert run(worked.url, *flags).exit_code == 3
    assert listed(other_url) == []
    assert run(worked.url, *flags).exit_code == 0
    assert trials_of(other_url, NAME) == trials_of(worked.url, NAME)
    with plain_client(other_url) as storage:
        assert optuna.get_all_study_names(storage) == [NAME]


def test_a_copy_that_finds_the_disk_full_says_which_folder_is_meant(
    worked: Lab, other_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FolderStore, "write", full)
    place = tmp_path / "copied"
    done = run(worked.url, "copy", NAME, "--to", other_url, "--artifacts", str(place))
    assert done.exit_code == 3
    assert f"can't be copied to {place}: [Errno 28] No space left on device" in " ".join(done.stderr.split())


def test_a_copy_takes_no_files_from_the_study_and_no_name_from_another(worked: Lab, other_url: str) -> None:
    artifacts = str(worked.folder / "artifacts")
    said = refused(run(worked.url, "copy", NAME, "--to", other_url, "--artifacts", artifacts))
    assert "give the copy another folder with --artifacts" in said
    said = refused(run(worked.url, "copy", NAME, "--to", worked.url, "--artifacts", str(worked.folder / "copied")))
    assert "there is a study 'study' already" in said
    assert not (worked.folder / "copied").exists()


def test_a_deleted_study_takes_its_files_along_and_nothing_else(worked: Lab) -> None:
    artifacts = worked.folder / "artifacts"
    (artifacts / "models" / "holiday.jpg").write_bytes(b"theirs")
    with create_study(worked.url, "another", example_manifest()) as another:
        another.ledger.order_up_to(2, order_of=SlotOrder)
    with open_study(worked.url, NAME) as shared:
        done = run(worked.url, "delete", NAME, "--yes")
        assert done.exit_code == 0, done.output
        assert rows_left(shared) == 0
    assert [path.name for path in (artifacts / "models").iterdir()] == ["holiday.jpg"]
    assert [(one["name"], one["trials"]) for one in listed(worked.url)] == [("another", 2)]


def test_something_else_in_its_folder_stays_and_is_named(worked: Lab) -> None:
    with open_study(worked.url, NAME) as shared:
        logs = worked.files(shared).logs
    logs.mkdir(parents=True, exist_ok=True)
    (logs.parent / MARK).touch()
    (logs / "notes.txt").write_text("theirs")
    (logs / "worker-1-2.log").write_text("ours")
    done = run(worked.url, "delete", NAME, "--yes")
    assert f"Something that isn't the study's is in {logs.parent}, and stays." in " ".join(done.output.split())
    assert [path.name for path in logs.iterdir()] == ["notes.txt"]


@pytest.fixture
def url(sqlite_with_tables_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database with a study of two trials to do; the current folder is empty but for it."""
    monkeypatch.chdir(tmp_path)
    with create_study(sqlite_with_tables_url, NAME, example_manifest()) as shared:
        shared.ledger.order_up_to(2, order_of=SlotOrder)
    return sqlite_with_tables_url


def test_nothing_is_deleted_unasked(url: str) -> None:
    assert "without being asked, give --yes" in refused(run(url, "delete", NAME))
    assert [one["name"] for one in listed(url)] == [NAME]


@pytest.mark.parametrize(
    "action", [("rename", NAME, "b"), ("delete", NAME, "--yes"), ("copy", NAME, "--to", "sqlite:///copy.db")]
)
def test_a_study_with_active_workers_is_left_alone(action: tuple[str, ...], url: str) -> None:
    with open_study(url, NAME) as shared:
        shared.workers.register(WorkerInfo("elsewhere-1", "elsewhere", 1))
        said = refused(run(url, *action))
    assert "1 active worker of 'study': elsewhere (process 1). Stop them first" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rename", NAME), "rename takes NAME NEW_NAME"),
        (("list", NAME), "list takes no name"),
        (("delete",), "delete takes NAME"),
        (("copy", NAME), "copy takes --to URL"),
        (("delete", NAME, "--to", "sqlite:///x.db"), "--to is for copy"),
        (("rename", NAME, "b", "--yes"), "--yes is for delete"),
        (("delete", "nowhere", "--yes"), "there is no study 'nowhere'"),
        (("destroy", NAME), "'destroy' is not one of"),
    ],
)
def test_wrong_words_are_refused(arguments: tuple[str, ...], said: str, url: str) -> None:
    assert said in refused(run(url, *arguments))


def test_the_name_of_another_programs_study_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """By a dry run, which makes no tables, and by a copy, which would have left its files."""
    theirs, ours = (f"sqlite:///{tmp_path / name}.db" for name in ("theirs", "ours"))
    optuna.create_study(study_name="taken", storage=theirs).optimize(lambda trial: trial.suggest_float("x", 0, 1), 1)
    optuna.create_study(study_name="empty", storage=theirs)
    options = LaunchOptions(space="bn_dropout", storage=theirs, study_name="taken", dry_run=True)
    with pytest.raises(ForeignStudy, match="was made by another program"):
        make_plan(options)
    assert make_plan(replace(options, study_name="empty")).existing is None
    manifest = make_plan(replace(options, storage=ours)).manifest
    with create_study(ours, "taken", manifest) as shared, pytest.raises(NameTaken):
        copy(shared, theirs, "taken", tmp_path / "copied")
    assert not (tmp_path / "copied").exists()
