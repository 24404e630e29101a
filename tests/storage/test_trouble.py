"""Databases that refuse, fall silent, or were made by another release."""

import traceback
import uuid
from collections.abc import Callable, Iterator

import optuna
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from storage import connecting, schema
from storage.errors import NotAStudyDatabase, SchemaTooNew, StorageUnreachable, StorageUsageError, StudyNotFound
from storage.records import SlotOrder
from storage.study import SharedStudy, create_study, open_study
from storage.tables import manifests
from storage.tables import schema as schema_table
from storage.testkit import claimed, example_manifest, plain_client
from storage.transaction import reading, writing
from tests.helpers.postgres import PostgresServer

PASSWORD = "open-sesame"  # noqa: S105 - of no account
WRONG_PASSWORD = "open-barley"  # noqa: S105 - of no account


@pytest.fixture
def shared(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(1, SlotOrder)
        yield shared


@pytest.fixture
def postgres_study(postgres_url: str) -> Iterator[SharedStudy]:
    with create_study(postgres_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(1, SlotOrder)
        yield shared


@pytest.fixture
def sqlite_study(sqlite_url: str) -> Iterator[SharedStudy]:
    with create_study(sqlite_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(1, SlotOrder)
        yield shared


def everything_said(error: BaseException) -> str:
    """What a traceback of the error shows, its causes included."""
    return "".join(traceback.format_exception(error)) + repr(error)


# passwords


@pytest.fixture
def role_url(postgres_server: PostgresServer, empty_postgres_url: str) -> Iterator[str]:
    """The URL of an empty database, for a user who has a password and no rights."""
    name = f"search_role_{uuid.uuid4().hex[:12]}"
    postgres_server.execute(f"CREATE ROLE {{}} LOGIN PASSWORD '{PASSWORD}'", name)
    yield make_url(empty_postgres_url).set(username=name, password=PASSWORD).render_as_string(hide_password=False)
    postgres_server.execute("DROP ROLE {}", name)


@pytest.fixture
def wrong_url(postgres_server: PostgresServer, role_url: str) -> Iterator[str]:
    """The same with another password, on a server that looks at passwords."""
    url = make_url(role_url)
    rules = postgres_server.access_rules
    before = rules.read_text() if rules else ""
    if rules:
        rules.write_text(f"local all {url.username} scram-sha-256\n{before}")
        postgres_server.execute("SELECT pg_reload_conf()")
    elif accepts(url.set(password=WRONG_PASSWORD).render_as_string(hide_password=False)):
        pytest.skip("the server of SEARCH_TEST_POSTGRES_URL accepts any password")
    yield url.set(password=WRONG_PASSWORD).render_as_string(hide_password=False)
    if rules:
        rules.write_text(before)
        postgres_server.execute("SELECT pg_reload_conf()")


def accepts(url: str) -> bool:
    """Whether a server lets a user in."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_wrong_password_is_reported_without_it(wrong_url: str) -> None:
    with pytest.raises(StorageUnreachable, match="password authentication failed") as caught:
        create_study(wrong_url, "demo", example_manifest())
    assert WRONG_PASSWORD not in everything_said(caught.value)


def test_a_user_without_rights_is_told_which_to_ask_for(role_url: str) -> None:
    with pytest.raises(StorageUsageError, match="GRANT CREATE ON SCHEMA public TO") as caught:
        create_study(role_url, "demo", example_manifest())
    assert PASSWORD not in everything_said(caught.value)


def test_a_user_who_may_not_read_the_study_is_told_so(postgres_server: PostgresServer, role_url: str) -> None:
    database = str(make_url(role_url).database)
    create_study(postgres_server.url(database), "demo", example_manifest()).close()
    with pytest.raises(StorageUsageError, match="permission denied"):
        open_study(role_url, "demo")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://user@127.0.0.1:1/db?password={PASSWORD}",
        f"postgresql://user:{PASSWORD}@no-such-host.invalid/db",
        f"postgresql://user:{PASSWORD}@127.0.0.1:1/db?connect_timeout=soon",
    ],
)
def test_an_unreachable_server_is_reported_without_the_password(url: str) -> None:
    with pytest.raises(StorageUnreachable) as caught:
        open_study(url, "demo")
    assert PASSWORD not in everything_said(caught.value)


def test_a_study_shows_no_password(postgres_study: SharedStudy) -> None:
    assert "@" not in repr(postgres_study)


def test_a_missing_database_is_named(postgres_server: PostgresServer) -> None:
    with pytest.raises(StorageUnreachable, match='database "search_nowhere" does not exist'):
        create_study(postgres_server.url("search_nowhere"), "demo", example_manifest())


# outages


def cut_off(server: PostgresServer, database: str, *, closed: bool) -> None:
    """Ends all connections to a database; with `closed`, it takes no new ones."""
    server.execute(f"ALTER DATABASE {{}} ALLOW_CONNECTIONS {'false' if closed else 'true'}", database)
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
        admin.execute(ended, [database])


def test_connections_that_the_server_has_closed_are_replaced(
    postgres_server: PostgresServer, postgres_study: SharedStudy
) -> None:
    cut_off(postgres_server, str(postgres_study.engine.url.database), closed=False)
    assert claimed(postgres_study.ledger).slot == 0


def test_an_outage_is_one_error_here_and_in_optuna_and_ends(
    postgres_server: PostgresServer, postgres_study: SharedStudy
) -> None:
    database = str(postgres_study.engine.url.database)
    trial = postgres_study.study.ask()
    cut_off(postgres_server, database, closed=True)
    with pytest.raises(StorageUnreachable, match="not currently accepting connections"):
        postgres_study.ledger.claim("worker", 30.0)
    with pytest.raises(StorageUnreachable):
        trial.report(0.5, 1)
    cut_off(postgres_server, database, closed=False)
    trial.report(0.5, 1)
    assert claimed(postgres_study.ledger).slot == 0


def test_a_transaction_that_is_cut_off_changes_nothing(
    postgres_server: PostgresServer, postgres_study: SharedStudy
) -> None:
    with pytest.raises(StorageUnreachable), writing(postgres_study.engine) as connection:  # noqa: PT012
        connection.execute(sa.update(manifests).values(stop_reason="half done"))
        cut_off(postgres_server, str(postgres_study.engine.url.database), closed=False)
        connection.execute(sa.update(manifests).values(stop_reason="done"))
    assert postgres_study.ledger.stop_reason() is None


def test_opening_waits_for_a_database_to_come_back(
    postgres_server: PostgresServer, postgres_study: SharedStudy, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = str(postgres_study.engine.url.database)
    cut_off(postgres_server, database, closed=True)
    monkeypatch.setattr("time.sleep", lambda _: cut_off(postgres_server, database, closed=False))
    with open_study(postgres_url, "demo", wait_s=60.0) as again:
        assert again.name == "demo"


def test_opening_gives_up_at_its_deadline() -> None:
    with pytest.raises(StorageUnreachable, match="refused"):
        open_study("postgresql://user@127.0.0.1:1/db", "demo", wait_s=0.01)


def test_a_locked_file_stops_writers_and_not_readers(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "BUSY_TIMEOUT_S", 0.05)
    with create_study(sqlite_url, "demo", example_manifest()) as one, open_study(sqlite_url, "demo") as other:
        with writing(one.engine):
            assert other.ledger.counts().total == 0
            with pytest.raises(StorageUnreachable, match="locked"):
                other.ledger.order_up_to(1, order_of=SlotOrder)
        assert other.ledger.order_up_to(1, order_of=SlotOrder) == 1


# settings of the connections


def test_sqlite_is_set_up_on_every_connection(sqlite_study: SharedStudy) -> None:
    with reading(sqlite_study.engine) as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        ]
    assert found == ["wal", 1, 1, 60_000]


def test_postgres_is_set_up_on_every_connection(postgres_study: SharedStudy) -> None:
    with reading(postgres_study.engine) as connection:
        found = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
    assert found == ["keras-image-search", "1min", "30s", "1min"]


def test_options_in_the_url_come_first(postgres_url: str) -> None:
    url = make_url(postgres_url).update_query_dict({"application_name": "mine"}).render_as_string(hide_password=False)
    with create_study(url, "demo", example_manifest()) as shared, reading(shared.engine) as connection:
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "mine"


# other people's databases, and other releases


def test_a_postgres_database_of_something_else_is_refused_and_left_alone(empty_postgres_url: str) -> None:
    with psycopg.connect(empty_postgres_url) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    with pytest.raises(NotAStudyDatabase, match="tables: orders"):
        create_study(empty_postgres_url, "demo", example_manifest())
    with psycopg.connect(empty_postgres_url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert found == [("orders",)]


def test_opening_an_empty_database_creates_nothing(empty_postgres_url: str) -> None:
    with pytest.raises(StudyNotFound, match="a launch creates one"):
        open_study(empty_postgres_url, "demo")
    with psycopg.connect(empty_postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_study_of_plain_optuna_keeps_its_name(storage_url: str) -> None:
    create_study(storage_url, "demo", example_manifest()).close()
    with plain_client(storage_url) as plain:
        optuna.create_study(storage=plain, study_name="theirs", direction="maximize").add_trial(
            optuna.trial.create_trial(value=1.0)
        )
    with pytest.raises(StorageUsageError, match="made by another program"):
        create_study(storage_url, "theirs", example_manifest())
    with pytest.raises(StudyNotFound, match="made by another program"):
        open_study(storage_url, "theirs")


def test_an_empty_study_that_a_killed_launch_left_is_taken_over(storage_url: str) -> None:
    create_study(storage_url, "demo", example_manifest()).close()
    with plain_client(storage_url) as plain:
        optuna.create_study(storage=plain, study_name="half-made", direction="maximize")
    with create_study(storage_url, "half-made", example_manifest()) as shared:
        assert shared.created


def test_tables_of_a_newer_release_are_refused(shared: SharedStudy, storage_url: str) -> None:
    with writing(shared.engine) as connection:
        connection.execute(sa.update(schema_table).values(version=999))
    attempts: tuple[Callable[[], SharedStudy], ...] = (
        lambda: open_study(storage_url, "demo"),
        lambda: create_study(storage_url, "demo", example_manifest()),
    )
    for attempt in attempts:
        with pytest.raises(SchemaTooNew, match=r"version 999.*install the release that made them"):
            attempt()


def test_a_manifest_of_a_newer_release_is_refused(shared: SharedStudy, storage_url: str) -> None:
    with writing(shared.engine) as connection:
        connection.execute(sa.update(manifests).values(manifest=example_manifest(schema_version=99).to_json()))
    with pytest.raises(SchemaTooNew, match="manifest has version 99"):
        open_study(storage_url, "demo")


@pytest.mark.parametrize(
    ("version", "advice"), [("v99.0.0.a", "pip install --upgrade optuna"), ("v2.4.0.a", "optuna storage upgrade")]
)
def test_tables_of_another_optuna_are_refused_with_advice(
    shared: SharedStudy, storage_url: str, version: str, advice: str
) -> None:
    with writing(shared.engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(StorageUsageError, match=advice):
        open_study(storage_url, "demo")


def test_an_old_postgres_is_refused(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "OLDEST_POSTGRES", 99)
    with pytest.raises(StorageUsageError, match="99 is the oldest that works"):
        create_study(postgres_url, "demo", example_manifest())
