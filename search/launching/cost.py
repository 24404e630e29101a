"""What a search's images and models take, said before the first trial: memory, and first dense layers of millions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.errors import UsageError
from search.host.cgroup import total_memory
from search.launching.fitting import DRAWN, unfit_reason
from search.sampling.pruners import promotion_rule
from search.study.batch_size import batch_size
from search.study.image_size import image_shape, largest_shape
from spaces import Space
from spaces.configuration import Configuration
from spaces.costs import Cost, cost_of
from storage import Manifest

MANY_WEIGHTS = 1_000_000
MANY_MB = 100.0
FLOAT_BYTES = 4
KEPT = 2  # of each value that a layer gives, training keeps its gradient too


@dataclass(frozen=True)
class PlannedCost:
    """`images_mb` are all images as bytes, one a pixel and channel, in the largest size that trials have; `first_dense`
    the most weights that a first dense layer has among configurations drawn at random, `batch_mb` the megabytes of the
    values and gradients of a batch in the smallest and in the largest of them. Zeros where the space builds its own
    models.
    """

    images_mb: float
    first_dense: int = 0
    batch_mb: tuple[float, float] = (0.0, 0.0)


def planned_cost(manifest: Manifest, fitting: Sequence[Configuration]) -> PlannedCost:
    """The cost of a study of that manifest, as far as these configurations tell: of a space that builds its own models
    there are none.
    """
    images = manifest.n_train + manifest.n_validation + manifest.n_test
    images_mb = images * math.prod(largest_shape(manifest)) / 1e6
    if not fitting:
        return PlannedCost(images_mb)
    costs = [own_cost(manifest, one) for one in fitting]
    batches = [
        cost.values * batch_size(manifest, one) * FLOAT_BYTES * KEPT / 1e6
        for one, cost in zip(fitting, costs, strict=True)
    ]
    return PlannedCost(images_mb, max(cost.first_dense for cost in costs), (min(batches), max(batches)))


def own_cost(manifest: Manifest, configuration: Configuration) -> Cost:
    """The cost of a configuration on images of its size."""
    return cost_of(configuration, image_shape(manifest, configuration), len(manifest.classes))


def fitting_ones(space: Space, manifest: Manifest, found: Sequence[Configuration]) -> Sequence[Configuration]:
    """Those of the configurations that were found for which the images are large enough: other trials will say why
    they can't be trained. None of a space that builds its own models.
    """
    if space.build is not None:
        return ()
    return [one for one in found if unfit_reason(one, image_shape(manifest, one)) is None]


def require_batch_memory(cost: PlannedCost, manifest: Manifest) -> None:
    """Raises UsageError if a batch takes more than this machine's memory in every configuration that was drawn."""
    smallest, memory_mb = cost.batch_mb[0], total_memory() / 1e6
    if smallest > memory_mb:
        raise UsageError(
            f"a batch of {manifest.batch_size} images takes {smallest:,.0f} MB in the smallest of {DRAWN} "
            f"configurations drawn at random, and this machine has {memory_mb:,.0f} MB: give a smaller --batch-size, "
            f"or smaller images{by_flag(manifest)}"
        )


def cost_notes(cost: PlannedCost, manifest: Manifest) -> tuple[str, ...]:
    """What to say of it: nothing of images and models that are small."""
    notes, memory_mb = list[str](), total_memory() / 1e6
    height, width = largest_shape(manifest)[:2]
    if cost.images_mb >= MANY_MB:
        notes.append(f"the images take {cost.images_mb:,.0f} MB as bytes at {height}x{width}{halving(manifest)}")
    if cost.first_dense >= MANY_WEIGHTS:
        notes.append(
            f"the first dense layer has up to {cost.first_dense / 1e6:,.1f} million weights at {height}x{width}"
            f"{halving(manifest)}; one block more would quarter them"
        )
    if cost.batch_mb[1] > memory_mb:
        notes.append(
            f"a batch takes up to {cost.batch_mb[1]:,.0f} MB in configurations drawn at random, and this machine has "
            f"{memory_mb:,.0f} MB: a smaller --batch-size takes less in proportion"
        )
    return tuple(notes)


def paused_note(manifest: Manifest, n_trials: int, fitting: Sequence[Configuration]) -> str:
    """What the checkpoints of paused trials take at most, if it is much: weights, and two values for each of them."""
    if promotion_rule(manifest) is None:
        return ""
    most = max((own_cost(manifest, one).parameters for one in fitting), default=0)
    mb = most * 3 * FLOAT_BYTES * n_trials / 1e6
    if mb < MANY_MB:
        return ""
    return (
        f"checkpoints of paused trials take up to {mb:,.0f} MB until they go on or end; --pruner asha-stop keeps none"
    )


def halving(manifest: Manifest) -> str:
    """The flag with which images have half of the pixels, "" for arrays, which are used as they are."""
    if not Path(manifest.dataset).is_dir():
        return ""
    height, width = (max(1, round(side / math.sqrt(2))) for side in largest_shape(manifest)[:2])
    return f": --image-size {height}x{width} would halve that"


def by_flag(manifest: Manifest) -> str:
    """How images get smaller, "" for arrays, which are used as they are."""
    return " (--image-size)" if Path(manifest.dataset).is_dir() else ""
