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
from storage.records import SlotOrder
from storage.testkit import LEASE_S, claimed, example_manifest
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
    monkeypatch.setattr("time.sleep", lambda _: waiting.set())
    with ThreadPoolExecutor(1) as keeper:
        with reading(lonely.engine) as connection:
            connection.execute(sa.text("SELECT 1"))
            renewed = keeper.submit(lonely.ledger.renew, lease, LEASE_S)
            assert waiting.wait(60.0)
        renewed.result()


def test_a_transaction_inside_another_does_not_wait_for_itself(
    lonely: SharedStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waits"))
    with reading(lonely.engine), pytest.raises(StorageUnreachable, match="too many connections"):
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
