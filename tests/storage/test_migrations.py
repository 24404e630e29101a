"""Studies of earlier releases open, are searched on, and have the tables that a new study has.

`tests/data/study-1.db.gz` is a search of release 0.1.0 in SQLite, `tables-1.postgresql.sql` are its tables in Postgres.
"""

import contextlib
import gzip
import math
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from search.launching.asked_manifest import asked_pruner
from search.report import main
from spaces.validation import FIXED
from storage import open_study, study_names
from storage.ending import EndingRule
from storage.errors import StorageUsageError
from storage.migrations import MIGRATIONS
from storage.records import Outcome, SlotOrder, WorkerInfo
from storage.rungs import Rungs
from storage.tables import OURS, SCHEMA_VERSION, schema
from storage.testkit import COMPLETE, bound, claimed, example_epoch, plain_client
from storage.transaction import writing
from storage.url import check_url

DATA = Path(__file__).parents[1] / "data"
STUDY = "release-0.1"
NOBODY = 65534


@pytest.fixture
def older_sqlite_url(tmp_path: Path) -> str:
    path = tmp_path / "search.db"
    path.write_bytes(gzip.decompress((DATA / "study-1.db.gz").read_bytes()))
    return f"sqlite:///{path}"


@pytest.fixture
def older_postgres_url(empty_postgres_url: str) -> str:
    optuna_storage = RDBStorage(check_url(empty_postgres_url))
    with writing(optuna_storage.engine) as connection:
        connection.exec_driver_sql((DATA / "tables-1.postgresql.sql").read_text())
    optuna_storage.engine.dispose()
    return empty_postgres_url


def columns(url: str) -> dict[str, dict[str, tuple[str, bool, str | None]]]:
    """Of each of our tables: the columns with their type, whether they may be empty, and their default."""
    engine = sa.create_engine(check_url(url))
    inspector = sa.inspect(engine)
    found = {
        table.name: {column["name"]: shape(column) for column in inspector.get_columns(table.name)}
        for table in OURS
        if inspector.has_table(table.name)
    }
    engine.dispose()
    return found


def checks(url: str) -> dict[str, dict[str | None, str]]:
    """Of each of our tables: what is checked of a row, by the constraint's name."""
    engine = sa.create_engine(check_url(url))
    inspector = sa.inspect(engine)
    found = {
        table.name: {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table.name)}
        for table in OURS
    }
    engine.dispose()
    return found


def shape(column: Any) -> tuple[str, bool, str | None]:
    return str(column["type"]), column["nullable"], column["default"]


def test_each_version_has_a_step() -> None:
    assert list(MIGRATIONS) == list(range(2, SCHEMA_VERSION + 1))


def test_an_older_study_is_read_searched_on_and_reported(older_sqlite_url: str, tmp_path: Path) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        assert study.ledger.counts().complete == 5
        assert [trial.state for trial in study.study.trials].count(TrialState.COMPLETE) == 5
        assert {slot.failures for slot in study.ledger.slots()} == {0}
        study.ledger.order_up_to(7, order_of=SlotOrder)
        lease = claimed(study.ledger)
        assert lease.slot == 6
        bound(study.ledger, lease, study.study.ask().number)
        study.ledger.record_epoch(lease, example_epoch())
        study.ledger.finish(lease, COMPLETE)
        assert study.ledger.counts().complete == 6
    page = tmp_path / "report.html"
    reported = CliRunner(catch_exceptions=False).invoke(main, ["--storage", older_sqlite_url, "-o", str(page)])
    assert reported.exit_code == 0
    assert "is the best of 6 completed trials" in page.read_text(encoding="utf-8")


def test_workers_of_an_older_study_have_no_job_and_new_ones_may(older_sqlite_url: str) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        before = {worker.info.job for worker in study.workers.all()}
        study.workers.register(WorkerInfo("new", "node7", 7, job="slurm:1234_5"))
        after = {worker.info.job for worker in study.workers.all()}
    assert before <= {None}
    assert after == before | {"slurm:1234_5"}


def test_epochs_of_an_older_study_have_no_further_metrics_and_new_ones_may(older_sqlite_url: str) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        before = study.ledger.all_epochs()
        study.ledger.order_up_to(7, order_of=SlotOrder)
        lease = claimed(study.ledger)
        bound(study.ledger, lease, 6)
        study.ledger.record_epoch(lease, example_epoch(metrics={"val_macro_f1": 0.5, "val_auc": math.nan}))
        assert study.ledger.epochs(6) == [example_epoch(metrics={"val_macro_f1": 0.5})]
    assert len(before) > 5
    assert all(epoch.scores.metrics == {} for epoch in before)


def test_an_older_search_has_not_ended_and_may_get_a_rule_that_ends_it(older_sqlite_url: str) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        assert (study.ledger.ending(), study.ledger.ended()) == (None, None)
        rule = EndingRule("maximize", target=0.99)
        study.ledger.set_ending(rule)
        assert (study.ledger.ending(), study.ledger.ended()) == (rule, None)


def test_no_notice_of_an_older_study_was_sent_and_one_may_be_once(older_sqlite_url: str) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        assert [study.notices.claim("ended", "5 of 5") for _ in range(2)] == [True, False]


def test_an_older_search_ends_trials_as_it_did_and_its_tables_may_have_paused_ones(older_sqlite_url: str) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        assert study.manifest.pruner == "asha-stop", "it was called asha"
        assert asked_pruner("asha", study.manifest, FIXED) == "asha-stop", "its command continues it"
        before = study.ledger.slots()
        study.ledger.order_up_to(8, order_of=SlotOrder)
        assert not study.promotion.advance(claimed(study.ledger), Rungs((1, 3), "maximize"), 1, 0.1)
        assert study.ledger.counts().paused == 1
        assert study.ledger.slots()[: len(before)] == before


def test_trials_of_an_older_study_may_end_as_infeasible(older_sqlite_url: str) -> None:
    with open_study(older_sqlite_url, STUDY) as study:
        study.ledger.order_up_to(7, order_of=SlotOrder)
        study.ledger.finish(claimed(study.ledger), Outcome("infeasible", None, "not wanted", "infeasible"))
        assert study.ledger.counts().infeasible == 1


def test_the_models_that_its_own_trials_have_kept_are_on_record_and_no_others(older_sqlite_url: str) -> None:
    with plain_client(older_sqlite_url) as plain:
        older = optuna.load_study(study_name=STUDY, storage=plain)
        kept = {trial.number: trial.user_attrs.get("model_artifact") for trial in older.get_trials()}
        for artifact in (str(uuid.UUID(int=1)), "../../x", ["a"]):
            older.add_trial(create_trial(value=0.5, user_attrs={"model_artifact": artifact}))
    with open_study(older_sqlite_url, STUDY) as study:
        found = {file.trial_number: file.artifact_id for file in study.kept.named("model.keras")}
    assert found == {number: artifact for number, artifact in kept.items() if artifact is not None}
    assert len(found) >= 3


def test_migrated_sqlite_tables_are_those_of_a_new_study(older_sqlite_url: str, sqlite_template: Path) -> None:
    study_names(older_sqlite_url)
    assert columns(older_sqlite_url) == columns(f"sqlite:///{sqlite_template}")
    assert checks(older_sqlite_url) == checks(f"sqlite:///{sqlite_template}")


def test_migrated_postgres_tables_are_those_of_a_new_study(older_postgres_url: str, postgres_url: str) -> None:
    assert study_names(older_postgres_url) == []
    assert columns(older_postgres_url) == columns(postgres_url)
    assert checks(older_postgres_url) == checks(postgres_url)


def test_a_migration_that_fails_changes_nothing(older_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = columns(older_sqlite_url)

    def fail_after_a_change(operations: Any) -> None:
        operations.add_column("search_epochs", sa.Column("half", sa.Integer))
        raise InterruptedError

    monkeypatch.setattr("storage.migrations.MIGRATIONS", {**MIGRATIONS, SCHEMA_VERSION: fail_after_a_change})
    with pytest.raises(InterruptedError):
        study_names(older_sqlite_url)
    assert columns(older_sqlite_url) == before


def test_processes_that_open_an_older_study_at_once_bring_it_up_to_date_once(older_sqlite_url: str) -> None:
    together = threading.Barrier(8)

    def read(_: int) -> int:
        together.wait()
        with open_study(older_sqlite_url, STUDY) as study:
            return study.ledger.counts().complete

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [5] * 8


def test_an_older_study_that_cannot_be_written_is_left_as_it_is_with_advice(older_sqlite_url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(older_sqlite_url.removeprefix("sqlite:///"), folder))
        before = copy.read_bytes()
        Path(folder).chmod(0o555)
        with nobody(), pytest.raises(StorageUsageError, match=r"an earlier release.*copy the database into another"):
            open_study(f"sqlite:///{copy}", STUDY, only_look=True)
        assert copy.read_bytes() == before


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Permissions mean nothing to root: meanwhile, root is nobody."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_the_new_version_is_noted(older_sqlite_url: str) -> None:
    study_names(older_sqlite_url)
    engine = sa.create_engine(older_sqlite_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(schema.c.version)) == SCHEMA_VERSION
    engine.dispose()
