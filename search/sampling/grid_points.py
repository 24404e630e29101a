"""The points of a grid search: which parameters each slot gets."""

import numpy as np

from spaces.grid import grid
from spaces.space import Space
from storage.records import Scalar


def grid_points(space: Space, seed: int) -> tuple[dict[str, Scalar], ...]:
    """The grid in an order drawn by the seed, so that the first trials are spread over all of it.

    Raises:
        SpaceError: the grid is too large.
    """
    points: list[dict[str, Scalar]] = [dict(point) for point in grid(space)]
    return tuple(points[index] for index in np.random.default_rng(seed).permutation(len(points)))
