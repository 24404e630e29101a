"""Studies behind a pooler that lends each transaction one of a few connections."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState, create_trial
from sqlalchemy.engine import make_url

from storage import SharedStudy, create_study, open_study
from storage.browsing import browse
from storage.epoch_report import TrialScore
from storage.names import names_of_all
from storage.news import listen
from storage.records import SlotOrder, WorkerInfo
from storage.testkit import COMPLETE, LEASE_S, claimed, example_epoch, example_manifest
from storage.transaction import at_once, reading, writing
from tests.helpers.pgbouncer import pgbouncer, program
from tests.helpers.postgres import PostgresServer

JOINERS, POOL = 12, 5

pytestmark = pytest.mark.skipif(program() is None, reason="there is no pgbouncer here: apt-get install pgbouncer")


@pytest.fixture(scope="module", params=["refuses options", "ignores options"])
def pooler(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    with pgbouncer(
        postgres_server.admin_url, pool_size=POOL, ignores_options=request.param == "ignores options"
    ) as url:
        yield url


@pytest.fixture
def pooled_url(pooler: str, postgres_url: str) -> str:
    """The database of `postgres_url`, behind the pooler."""
    return pooler.format(make_url(postgres_url).database)


@pytest.fixture
def shared(pooled_url: str) -> Iterator[SharedStudy]:
    with create_study(pooled_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(3, SlotOrder)
        yield shared


def time_outs(connection: sa.Connection) -> list[str]:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    return [str(connection.scalar(sa.text(f"SHOW {name}"))) for name in names]


def test_news_of_work_isn_t_waited_for_behind_a_pooler(shared: SharedStudy, pooled_url: str) -> None:
    listen(pooled_url, threading.Event(), lambda stamp: pytest.fail(f"it listens: {stamp}"))
    assert shared.ledger.order_up_to(4, SlotOrder) == 1, "orders are told of all the same"


def test_every_transaction_has_its_time_outs_and_leaves_none_behind(shared: SharedStudy, pooled_url: str) -> None:
    for transaction in (reading, writing, at_once):
        with transaction(shared.engine) as connection:
            assert time_outs(connection) == ["1min", "30s", "1min"]
    plain = sa.create_engine(make_url(pooled_url).set(drivername="postgresql+psycopg"))
    with plain.connect() as connection:
        assert time_outs(connection) == ["0", "0", "0"]
    plain.dispose()


def test_time_outs_of_the_database_spare_each_transaction_its_own(
    postgres_server: PostgresServer, pooler: str, postgres_url: str
) -> None:
    database = str(make_url(postgres_url).database)
    postgres_server.execute("ALTER DATABASE {} SET statement_timeout = '45s'", database)
    with create_study(pooler.format(database), "demo", example_manifest()) as shared:
        sent = list[str]()
        sa.event.listen(shared.engine, "before_cursor_execute", lambda *event: sent.append(event[2]))
        assert shared.ledger.claim("worker", LEASE_S) is None
        assert len(sent) == 1
        with at_once(shared.engine) as connection:
            assert connection.scalar(sa.text("SHOW statement_timeout")) == "45s"


def test_a_trial_runs_from_its_claim_to_its_end(shared: SharedStudy) -> None:
    shared.workers.register(WorkerInfo("worker", "host", 1))
    assert shared.queue.beat("worker", trainer_memory_mb=1)
    lease = claimed(shared.ledger)
    number = shared.trials.fenced.create(lease, lambda _: create_trial(state=TrialState.RUNNING))
    assert shared.ledger.record_epoch(lease, example_epoch(), TrialScore(shared.trials.ids[number], 0.5))
    shared.ledger.renew(lease, LEASE_S)
    shared.ledger.finish(lease, COMPLETE)
    shared.study.tell(number, 0.9)
    shared.ledger.confirm(lease.slot)
    assert [trial.intermediate_values for trial in shared.trials.all()] == [{1: 0.5}]


def test_more_join_an_empty_database_at_once_than_the_pooler_has_connections(
    pooler: str, empty_postgres_url: str
) -> None:
    url = pooler.format(make_url(empty_postgres_url).database)
    together = threading.Barrier(JOINERS)

    def join(_: int) -> bool:
        together.wait()
        with create_study(url, "demo", example_manifest()) as joined:
            return joined.created

    with ThreadPoolExecutor(JOINERS) as pool:
        assert sorted(pool.map(join, range(JOINERS))) == [False] * (JOINERS - 1) + [True]


def test_names_are_looked_up_through_it(shared: SharedStudy, pooled_url: str) -> None:
    assert (names_of_all(pooled_url), names_of_all(pooled_url, used=True)) == (["demo"], [])


def test_dashboards_and_commands_that_only_look_work_through_it(shared: SharedStudy, pooled_url: str) -> None:
    with open_study(pooled_url, "demo", only_look=True) as looking:
        assert looking.ledger.counts().waiting == 3
    browsing = browse(pooled_url)
    assert browsing is not None
    assert optuna.get_all_study_names(browsing.storage) == ["demo"]
    browsing.close()
