"""Training goes on while its results are dealt with, and ends when no caller wants them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from search.training.epochs.epochs import Stop
from search.training.jobs.prefetcher import Prefetcher

Prefetch = Callable[[Callable[[Stop], Iterator[int]], Stop], Prefetcher[int]]


@pytest.fixture
def prefetch() -> Iterator[Prefetch]:
    """Prefetchers that have a thread in common."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda make, stop: Prefetcher(make, stop, thread)


def never() -> bool:
    return False


def numbers(stop: Stop) -> Iterator[int]:
    number = 0
    while not stop():
        yield number
        number += 1


def test_items_come_in_their_order(prefetch: Prefetch) -> None:
    with prefetch(lambda _: iter(range(100)), never) as items:
        assert list(items) == list(range(100))


def test_the_next_item_is_made_before_the_last_is_dealt_with(prefetch: Prefetch) -> None:
    second = threading.Event()

    def two(_: Stop) -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    with prefetch(two, never) as items:
        assert next(items) == 1
        assert second.wait(timeout=30)


def test_it_ends_when_it_is_told_to(prefetch: Prefetch) -> None:
    told = threading.Event()
    with prefetch(numbers, told.is_set) as items:
        assert next(items) == 0
        told.set()
        assert len(list(items)) <= 3


def test_leaving_ends_the_iterator(prefetch: Prefetch) -> None:
    ended = threading.Event()

    def noted(stop: Stop) -> Iterator[int]:
        yield from numbers(stop)
        ended.set()

    with prefetch(noted, never) as items:
        next(items)
    assert ended.is_set()


def test_one_after_another_run_in_one_thread(prefetch: Prefetch) -> None:
    def of_thread(_: Stop) -> Iterator[int]:
        yield threading.get_ident()

    found = list[int]()
    for _ in range(3):
        with prefetch(of_thread, never) as items:
            found += items
    assert len(set(found)) == 1
    assert found[0] != threading.get_ident()


def test_an_error_is_raised_where_the_items_are_wanted(prefetch: Prefetch) -> None:
    def broken(_: Stop) -> Iterator[int]:
        yield 1
        raise MemoryError("no more")

    with prefetch(broken, never) as items:
        assert next(items) == 1
        with pytest.raises(MemoryError, match="no more"):
            next(items)
