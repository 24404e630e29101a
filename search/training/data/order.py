"""In which order an epoch takes the training images, and how it augments each."""

import numpy as np
from numpy.typing import NDArray

from search.training.data.augmentation import Parameters, draw_parameters
from spaces.configuration import Augmentation

Order = NDArray[np.int64]  # the positions of an epoch's images, (n,), or with augmentation parameters (n, 5)


def order_of_epoch(n: int, seed: int, epoch: int, augmentation: Augmentation) -> Order:
    """An epoch's order of n images. It depends on seed and epoch alone, so that a resumed trial sees what an
    uninterrupted one sees.
    """
    positions = np.random.default_rng([seed, epoch]).permutation(n)
    parameters = draw_parameters(augmentation, n, seed, epoch)
    return positions if parameters is None else np.column_stack([positions, parameters])


def parts_of(order: Order) -> tuple[Order, Parameters | None]:
    """The positions of an order, and its augmentation parameters if it has any."""
    return (order, None) if order.ndim == 1 else (order[:, 0], order[:, 1:])
