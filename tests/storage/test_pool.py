"""The threads of a worker take turns on its connection."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from storage import SharedStudy, create_study, open_study
from storage.errors import StorageUnreachable
from storage.pool import TurnPool
from storage.records import SlotOrder
from storage.rungs import Rungs
from storage.study_lock import holding_study
from storage.testkit import LEASE_S, bound, claimed, example_manifest
from storage.transaction import reading
from tests.helpers.postgres import PostgresServer


@pytest.fixture
def lonely(postgres_server: PostgresServer, postgres_url: str) -> Iterator[SharedStudy]:
    """A study whose server is full but for one connection."""
    role = f"search_role_{uuid.uuid4().hex[:12]}"
    postgres_server.execute("CREATE ROLE {} LOGIN", role)
    url = make_url(postgres_url)
    admin = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(sa.text(f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"'))
        connection.execute(sa.text(f'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "{role}"'))
    with create_study(postgres_url, "demo", example_manifest()) as made:
        made.ledger.order_up_to(1, SlotOrder)
    with open_study(url.set(username=role).render_as_string(hide_password=False), "demo") as shared:
        postgres_server.execute("ALTER ROLE {} CONNECTION LIMIT 1", role)
        yield shared
    with admin.begin() as connection:
        connection.execute(sa.text(f'DROP OWNED BY "{role}"'))
    admin.dispose()
    postgres_server.execute("DROP ROLE {}", role)


def test_a_lease_is_renewed_on_a_full_server_while_its_worker_uses_the_connection(
    lonely: SharedStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, waiting = claimed(lonely.ledger), threading.Event()
    wait = TurnPool.wait_until_free

    def noted(pool: TurnPool, deadline: float) -> None:
        if pool.checkedout():
            waiting.set()
        wait(pool, deadline)

    monkeypatch.setattr(TurnPool, "wait_until_free", noted)
    with ThreadPoolExecutor(1) as keeper:
        with reading(lonely.engine) as connection:
            connection.execute(sa.text("SELECT 1"))
            renewed = keeper.submit(lonely.ledger.renew, lease, LEASE_S)
            assert waiting.wait(60.0)
        renewed.result()


def test_a_transaction_inside_another_does_not_wait_for_itself(
    lonely: SharedStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(lonely.engine), monkeypatch.context() as patched:
        patched.setattr(TurnPool, "wait_until_free", lambda *_: pytest.fail("it waits"))
        with pytest.raises(StorageUnreachable, match="too many connections"):
            lonely.ledger.counts()
    assert lonely.ledger.counts().total == 1


def test_after_a_while_in_vain_a_thread_opens_a_connection_of_its_own(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.pool.TURN_S", 0.0)
    with ThreadPoolExecutor(1) as other, create_study(postgres_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(1, SlotOrder)
        look = shared.ledger.counts
        with reading(shared.engine):
            found = other.submit(look).result()
    assert found.total == 1


def test_a_thread_that_waits_is_woken_when_the_connection_is_returned(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()
    with ThreadPoolExecutor(1) as other, create_study(postgres_url, "demo", example_manifest()) as shared:
        monkeypatch.setattr("storage.pool.TURN_S", 60.0)
        monkeypatch.setattr("storage.pool.LOOK_S", 60.0)
        with reading(shared.engine):
            checked_out = shared.engine.pool.checkedout  # type: ignore[attr-defined]  # of a QueuePool

            def noted() -> int:
                waiting.set()
                return int(checked_out())

            monkeypatch.setattr(shared.engine.pool, "checkedout", noted)
            found = other.submit(shared.ledger.counts)
            assert waiting.wait(60.0)
        assert found.result(timeout=30.0).total == 0


def test_who_waits_for_the_study_has_no_connection_meanwhile(lonely: SharedStudy, postgres_url: str) -> None:
    """On a full server, a worker that waits at a rung can still renew its lease."""
    lease = bound(lonely.ledger, claimed(lonely.ledger), 0)
    with open_study(postgres_url, "demo") as elsewhere, ThreadPoolExecutor(1) as worker:
        with holding_study(elsewhere.engine, elsewhere.key):
            judged = worker.submit(lonely.promotion.advance, lease, Rungs((1, 3), "maximize"), 1, 0.9)
            for _ in range(5):
                lonely.ledger.renew(lease, LEASE_S)
            assert not judged.done()
        assert judged.result(timeout=30.0), "the only trial goes on"
