"""Counts of failures by reason: reasons that only differ in numbers are the same."""

import re
from collections import Counter
from collections.abc import Iterable

ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
NUMBER = re.compile(r"\d[\d.eE+-]*")


def without_numbers(reason: str) -> str:
    """The reason without the parts that differ between trials: parameters, times, addresses of objects,
    layers' numbers.
    """
    return NUMBER.sub("#", ADDRESS.sub("#", reason))


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason occurred, the most frequent first, in the words of its first occurrence."""
    words, counts = dict[str, str](), Counter[str]()
    for reason in reasons:
        same = without_numbers(reason)
        words.setdefault(same, reason)
        counts[same] += 1
    return {words[same]: count for same, count in counts.most_common()}
