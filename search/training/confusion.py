"""The confusion matrix: which classes a model takes for which."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion(
    model: Any, images: NDArray[np.float32], labels: NDArray[np.int64], classes: int, batch_size: int
) -> tuple[tuple[int, ...], ...]:
    """How many images of each class (row) a model takes for each class (column).

    The model goes from images (n, height, width, channels) to logits (n, classes); labels are (n,).
    """
    taken_for = np.argmax(model.predict(images, batch_size=batch_size, verbose=0), axis=-1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, taken_for), 1)
    return tuple(tuple(int(count) for count in row) for row in counts)
