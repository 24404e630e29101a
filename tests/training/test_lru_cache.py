"""What was used last is kept, within a number and a size."""

from functools import partial

from search.training.lru_cache import LruCache


def test_the_one_unused_for_longest_goes_first() -> None:
    recent = LruCache[str, list[int]](2)
    one = recent.get("one", list)
    recent.get("two", list)
    recent.get("one", list)
    recent.get("three", list)
    assert recent.get("one", list) is one
    assert recent.get("two", lambda: [2]) == [2]


def test_those_that_are_kept_stay_within_the_budget() -> None:
    recent = LruCache[str, str](10, budget=5, size=len)
    for value in ("aa", "bbb", "cc"):
        recent.get(value, partial(str, value))
    assert recent.get("aa", lambda: "made again") == "made again"


def test_one_that_is_larger_than_the_budget_is_still_given() -> None:
    assert LruCache[int, str](2, budget=1, size=len).get(1, lambda: "large") == "large"
