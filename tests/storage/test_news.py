"""News of work: who orders or frees a trial tells those who listen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from storage import SharedStudy, create_study
from storage.news import can_tell, listen
from storage.queue import QueuePlace
from storage.records import SlotOrder
from storage.testkit import claimed, example_manifest

PATIENCE_S = 60.0

EVENTS: dict[str, Callable[[SharedStudy], object]] = {
    "trials are ordered": lambda shared: shared.ledger.order_up_to(2, SlotOrder),
    "these trials are ordered": lambda shared: shared.ledger.order_these({7: SlotOrder(seed=7)}),
    "a trial is given back": lambda shared: shared.ledger.release(claimed(shared.ledger)),
    "a study is resumed": lambda shared: shared.ledger.resume(),
    "a study gets another place": lambda shared: shared.queue.set(QueuePlace(paused=False)),
}


@pytest.mark.parametrize("event", EVENTS)
def test_it_is_told_when(event: str, postgres_url: str) -> None:
    heard, ended = SimpleQueue[str | None](), threading.Event()
    with create_study(postgres_url, "study", example_manifest()) as shared, ThreadPoolExecutor(1) as other:
        shared.ledger.order_up_to(1, SlotOrder)
        listener = other.submit(listen, postgres_url, ended, heard.put)
        try:
            assert heard.get(timeout=PATIENCE_S) is None, "it begins to listen"
            EVENTS[event](shared)
            assert heard.get(timeout=PATIENCE_S) == shared.key.stamp
        finally:
            ended.set()
        listener.result()


def test_a_file_tells_nothing(sqlite_url: str) -> None:
    assert not can_tell(sqlite_url)
    assert can_tell("postgresql://user@host/studies")
