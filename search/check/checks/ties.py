"""Which trials can the validation images tell from the best?"""

import math

from search.check.finding import Finding
from search.check.record import Run, SearchRecord
from search.views.number import plural

CHECK = "validation images"
MOST_TIED = 3  # as many as a study keeps models of, and as a confirmation takes
DEVIATIONS = 2.0


def tied_with_best(record: SearchRecord) -> tuple[Run, ...]:
    """The completed trials within two standard errors of the best, the best one included: those of a difference of two
    accuracies. All trials are scored on the same images, which makes differences a little more certain than that.
    """
    ranked = record.ranked
    best = ranked[0].last
    return tuple(run for run in ranked if best - run.last <= DEVIATIONS * _error_of_difference(record, best, run.last))


def _error_of_difference(record: SearchRecord, one: float, other: float) -> float:
    """The standard error of the difference of two accuracies that are one and the same (pooled proportions)."""
    return math.sqrt(2) * record.standard_error((one + other) / 2)


def check_ties(record: SearchRecord) -> Finding:
    """Counts the trials that can't be told from the best."""
    if not record.accuracy:
        return Finding(CHECK, "not enough data", "the objective isn't a share of images, whose error is known")
    if len(record.ranked) < 2:
        return Finding(CHECK, "not enough data", "there are no two completed trials to tell apart")
    tied, n = len(tied_with_best(record)), record.n_validation
    error = record.standard_error(record.ranked[0].last)
    numbers = {"tied": tied, "n_validation": n, "standard_error": error, "images_for_one_point": _images(record)}
    certain = f"the best score is certain to {100 * DEVIATIONS * error:.1f} points"
    if tied <= MOST_TIED:
        told = "no other trial is close" if tied == 1 else f"{plural(tied - 1, 'other trial')} can't be told from it"
        return Finding(CHECK, "ok", f"with {n} validation images {certain}: {told}", numbers)
    again = f"confirm --search {record.name} --top {min(tied, 8)}"
    words = f"the best {tied} trials can't be told apart with {n} validation images: {certain}"
    return Finding(CHECK, "look", words, numbers, again)


def _images(record: SearchRecord) -> int:
    """How many validation images make two standard errors one point."""
    p = record.ranked[0].last
    return math.ceil(max(p * (1 - p), 1e-4) * (DEVIATIONS / 0.01) ** 2)
