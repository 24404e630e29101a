"""Class weights: how much an image counts in the loss, by how many images its class has."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, get_args

ClassWeight = Literal["none", "balanced", "effective_number"]

CLASS_WEIGHTS: tuple[ClassWeight, ...] = get_args(ClassWeight)
CLASS_WEIGHT = "class_weight"  # the parameter
OVERLAP = 0.999  # the article's beta, from its 0.9 to 0.9999


def _balanced(count: int) -> float:
    return 1 / count


def _effective_number(count: int) -> float:
    return (1 - OVERLAP) / (1 - OVERLAP**count)


_WEIGHTS: Mapping[ClassWeight, Callable[[int], float]] = MappingProxyType(
    {"balanced": _balanced, "effective_number": _effective_number}
)


def class_weights(scheme: ClassWeight, counts: Sequence[int]) -> tuple[float, ...] | None:
    """The weight of an image of each class, of which there are `counts` to train on; None where all are equal.

    `balanced` weights are inverse to a class's images. `effective_number` ones are inverse to how many of them aren't
    alike, (1 - b^n) / (1 - b) of n with b = 0.999 (Cui et al. 2019, arXiv:1901.05555): close to `balanced` for classes
    of a few hundred images, close to equal for those of many thousands. The mean over all images is 1, so that a
    learning rate means the same. A class without images has weight 0.
    """
    if scheme == "none":
        return None
    raw = [_WEIGHTS[scheme](count) if count else 0.0 for count in counts]
    mean = sum(weight * count for weight, count in zip(raw, counts, strict=True)) / sum(counts)
    return tuple(weight / mean for weight in raw)
