"""Scores, differences, intervals and p-values as the cells of tables have them."""

from search.design.options import POINT
from search.statistics import ConfidenceInterval
from search.views.number import score as written

NOTHING = "-"


def score(value: float | None) -> str:
    """A score, where there is one."""
    return NOTHING if value is None else written(value)


def span(interval: ConfidenceInterval | None) -> str:
    """An interval of scores."""
    return NOTHING if interval is None else f"{written(interval.low)} to {written(interval.high)}"


def points(value: float | None) -> str:
    """A difference in points."""
    return NOTHING if value is None else f"{value / POINT:+.2f}"


def points_span(interval: ConfidenceInterval | None) -> str:
    """An interval of differences, in points."""
    return NOTHING if interval is None else f"[{interval.low / POINT:+.2f}, {interval.high / POINT:+.2f}]"


def p_value(p: float) -> str:
    """A p-value to two digits."""
    return f"{p:.2g}" if p >= 0.001 else "<0.001"
