"""How much of the best score is luck? The best of several that are equally good looks better than it is."""

import math

import numpy as np
from scipy import integrate, stats

from search.check.checks.ties import tied_with_best
from search.check.finding import Finding
from search.check.record import SearchRecord

CHECK = "optimism"
MARGIN = 0.01
LEVEL = 0.05


def expected_maximum(k: int) -> float:
    """That of `k` independent standard normal variables."""
    if k < 2:
        return 0.0
    value, _ = integrate.quad(lambda x: x * k * stats.norm.pdf(x) * stats.norm.cdf(x) ** (k - 1), -np.inf, np.inf)
    return float(value)


def check_optimism(record: SearchRecord) -> Finding:
    """What choosing the best adds to its score: the standard error of one score times the expected maximum of as many
    as can't be told from it. Where the best trial's score on the test images is known, its validation score is compared
    with that (two proportions, one-sided).
    """
    if not record.accuracy or len(record.ranked) < 2:
        return Finding(CHECK, "not enough data", "it takes two completed trials, and an objective that counts images")
    best, tied = record.ranked[0].last, len(tied_with_best(record))
    luck = record.standard_error(best) * expected_maximum(tied)
    numbers = {"tied": tied, "optimism": luck, "validation": best, "test": record.test}
    again = f"confirm --search {record.name} --top 3"
    if record.test is not None and record.n_test:
        gap = best - record.test
        error = math.hypot(record.standard_error(best), math.sqrt(record.test * (1 - record.test) / record.n_test))
        numbers["p"] = p = float(stats.norm.sf((gap - luck) / error)) if error else float(gap <= 0)
        if p <= LEVEL and gap > MARGIN:
            return Finding(
                CHECK,
                "look",
                f"the best trial has {best:.2%} on the validation images and {record.test:.2%} on the test images: "
                "luck doesn't explain so much. Are the test images like the others?",
                numbers,
                again,
            )
    words = f"choosing the best of {tied} that can't be told apart adds about {record.points(luck)} to its score"
    if luck > MARGIN:
        return Finding(CHECK, "look", f"{words}: expect less of it on new images", numbers, again)
    return Finding(
        CHECK, "ok", words if tied > 1 else "the best score stands alone: no other trial's is close", numbers
    )
