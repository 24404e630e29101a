"""Training goes on while its results are dealt with, and ends when no caller wants them."""

import threading
from collections.abc import Iterator

import pytest

from search.training.epochs.epochs import Stop
from search.training.jobs.prefetcher import Prefetcher


def never() -> bool:
    return False


def numbers(stop: Stop) -> Iterator[int]:
    number = 0
    while not stop():
        yield number
        number += 1


def test_items_come_in_their_order() -> None:
    with Prefetcher(lambda _: iter(range(100)), never) as items:
        assert list(items) == list(range(100))


def test_the_next_item_is_made_before_the_last_is_dealt_with() -> None:
    second = threading.Event()

    def two(_: Stop) -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    with Prefetcher(two, never) as items:
        assert next(items) == 1
        assert second.wait(timeout=30)


def test_it_ends_when_it_is_told_to() -> None:
    told = threading.Event()
    with Prefetcher(numbers, told.is_set) as items:
        assert next(items) == 0
        told.set()
        assert len(list(items)) <= 3


def test_leaving_ends_the_thread() -> None:
    before = threading.active_count()
    with Prefetcher(numbers, never) as items:
        next(items)
    assert threading.active_count() == before


def test_an_error_is_raised_where_the_items_are_wanted() -> None:
    def broken(_: Stop) -> Iterator[int]:
        yield 1
        raise MemoryError("no more")

    with Prefetcher(broken, never) as items:
        assert next(items) == 1
        with pytest.raises(MemoryError, match="no more"):
            next(items)
