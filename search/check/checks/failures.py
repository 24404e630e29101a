"""How many trials failed or diverged, and which setting goes with that?"""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from search.check.finding import Finding
from search.check.record import Run, SearchRecord
from search.statistics.holm import corrected

CHECK = "failures"
MOST_FAILED = 0.1
MOST_DIVERGED = 0.25
FEWEST = 10
LEVEL = 0.05


def check_failures(record: SearchRecord) -> Finding:
    """The shares of trials that failed and diverged. Whether a choice goes with them is tested by Fisher's exact test,
    whether a number does by Mann and Whitney's; Holm's correction over all of them.
    """
    n = len(record.runs)
    if not n:
        return Finding(CHECK, "not enough data", "no trial is finished")
    failed, diverged = (sum(run.state == state for run in record.runs) for state in ("failed", "diverged"))
    numbers = {"failed": failed, "diverged": diverged, "finished": n}
    words = f"{failed} of {n} trials failed, {diverged} diverged"
    if not failed + diverged:
        return Finding(CHECK, "ok", f"none of {n} trials failed or diverged", numbers)
    found = list(_settings(record)) if n >= FEWEST else []
    if found:
        words += f"; it goes with {', '.join(found)}"
    if failed > MOST_FAILED * n:
        return Finding(CHECK, "problem", words, numbers, f"status --study-name {record.name}")
    if diverged > MOST_DIVERGED * n or found:
        return Finding(CHECK, "look", words, numbers, f"report --study-name {record.name} --format md")
    return Finding(CHECK, "ok", words, numbers)


def _settings(record: SearchRecord) -> Iterator[str]:
    """The settings with which failing goes, in words."""
    bad = [run for run in record.runs if run.state in ("failed", "diverged")]
    good = [run for run in record.runs if run.state in ("complete", "pruned")]
    tests = [*_choice_tests(record, good, bad), *_range_tests(record, good, bad)]
    if not tests:
        return
    p = corrected(np.array([value for _, value in tests]))
    yield from (words for (words, _), value in zip(tests, p, strict=True) if value <= LEVEL)


def _choice_tests(record: SearchRecord, good: list[Run], bad: list[Run]) -> Iterator[tuple[str, float]]:
    for name in record.choices:
        values = dict.fromkeys(run.params[name] for run in record.runs if name in run.params)
        for value in values:
            table = [_counts(group, name, value) for group in (bad, good)]
            yield f"{name} {value}", float(stats.fisher_exact(table, alternative="greater").pvalue)


def _counts(group: list[Run], name: str, value: object) -> list[int]:
    """How many have the value, and how many haven't."""
    having = sum(run.params.get(name) == value for run in group)
    return [having, len(group) - having]


def _range_tests(record: SearchRecord, good: list[Run], bad: list[Run]) -> Iterator[tuple[str, float]]:
    for name in record.ranges:
        with_bad, with_good = ([run.params[name] for run in group if name in run.params] for group in (bad, good))
        if not with_bad or not with_good:
            continue
        higher = np.median(with_bad) > np.median(with_good)
        p = float(stats.mannwhitneyu(with_bad, with_good, alternative="two-sided").pvalue)
        yield f"a {'high' if higher else 'low'} {name}", p
