"""Every combination of a space's parameters, those that are asked for only after some choices included."""

from collections.abc import Iterator

from spaces.configuration import Scalar
from spaces.distributions import Choices, Distribution
from spaces.errors import Infeasible, SpaceError
from spaces.space import Space
from spaces.trials import DryTrial

LIMIT = 100_000


def grid(space: Space, points: int = 3, limit: int = LIMIT) -> Iterator[dict[str, Scalar]]:
    """The parameters of each combination, once each, depth first: the parameter that is asked for last changes fastest.

    Choices, integers and floats with a step go through all their values; a continuous parameter goes through `points`
    values, evenly spaced on its scale from its lower to its upper bound. What the space vetoes is left out.

    Raises:
        SpaceError: `points` is less than 1, or there are more than `limit` combinations.
    """
    if points < 1:
        raise SpaceError(f"a grid needs at least 1 point for a continuous parameter, not {points}")
    path: list[int] | None = []
    found = 0
    while path is not None:
        walk = _Walk(path, points)
        trial = DryTrial(walk.pick)
        path, vetoed = _step(space, trial, walk)
        if vetoed:
            continue
        found += 1
        if found > limit:
            raise SpaceError(
                f"the grid of {space.name} has more than {limit} combinations: "
                "lower the points, or give long ranges of integers a step"
            )
        yield dict(trial.params)


def _step(space: Space, trial: DryTrial, walk: "_Walk") -> tuple[list[int] | None, bool]:
    """Asks a combination's trial; returns the path to the next one, and whether the space vetoes this one."""
    try:
        space.suggest(trial)
    except Infeasible:
        return walk.next_path(), True
    return walk.next_path(), False


class _Walk:
    """One path from the root of the tree of choices to a leaf: the given steps first, then always the first branch."""

    def __init__(self, path: list[int], points: int) -> None:
        self._given = path
        self._points = points
        self._taken: list[int] = []
        self._widths: list[int] = []

    def pick(self, _: str, distribution: Distribution) -> Scalar:
        depth = len(self._taken)
        self._taken.append(self._given[depth] if depth < len(self._given) else 0)
        self._widths.append(_width(distribution, self._points))
        return _value(distribution, self._taken[-1], self._widths[-1])

    def next_path(self) -> list[int] | None:
        """The path to the next leaf; None after the last."""
        for depth in reversed(range(len(self._taken))):
            if self._taken[depth] + 1 < self._widths[depth]:
                return [*self._taken[:depth], self._taken[depth] + 1]
        return None


def _width(distribution: Distribution, points: int) -> int:
    if isinstance(distribution, Choices):
        return len(distribution.values)
    if distribution.step is not None:
        return distribution.steps() + 1
    return points if distribution.low < distribution.high else 1


def _value(distribution: Distribution, index: int, width: int) -> Scalar:
    if isinstance(distribution, Choices):
        return distribution.values[index]
    if distribution.step is not None:
        return distribution.at_step(index)
    return distribution.at_share(index / (width - 1) if width > 1 else 0.5)
