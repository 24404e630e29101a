"""The slots that a launch orders: how many, and with which seeds and parameters."""

from collections.abc import Sequence

import msgspec

from search.errors import UsageError
from search.launching.asked_manifest import Existing
from search.launching.options import LaunchOptions
from search.sampling.grid_points import grid_points
from search.sampling.samplers import GRID
from search.sampling.seeds import derive_seed
from search.study.baselines import baseline_order, require_baselines
from spaces import Baseline, Space
from storage import Manifest
from storage.records import SlotOrder

RESHUFFLED = 1  # the path of seeds of splits, next to those of trainings


def wanted_trials(options: LaunchOptions, space: Space, existing: Existing | None, *, going_on: bool = False) -> int:
    """How many trials the study will have. `going_on` says that a search which has ended is continued.

    Raises:
        UsageError: it holds more already.
    """
    if existing is None or not existing.ordered:
        return options.n_trials or space.n_trials
    if existing.ended is not None:
        return max(options.n_trials or existing.ended.ordered, existing.ordered) if going_on else existing.ordered
    if options.n_trials is not None and options.n_trials < existing.ordered:
        raise UsageError(
            f"{existing.ordered} trials were ordered of the study, and --n-trials {options.n_trials} can't take any "
            "away: give a larger number, or another --study-name"
        )
    return options.n_trials or existing.ordered


def wanted_baselines(options: LaunchOptions, space: Space, existing: Existing | None) -> tuple[Baseline, ...]:
    """The baselines that the study begins with.

    Raises:
        UsageError: the space has none, or the study has begun with something else.
    """
    if existing is None or not existing.ordered:
        return require_baselines(space) if options.baselines else ()
    if options.baselines and not existing.baselines:
        raise UsageError(
            "--baselines: the study's first slots are ordered already, and without them. Leave the flag out, or give "
            "another --study-name"
        )
    return space.baselines[: existing.baselines]


def make_orders(
    space: Space, manifest: Manifest, n_trials: int, baselines: Sequence[Baseline] = ()
) -> tuple[SlotOrder, ...]:
    """The slots of the study, baselines first: each with its seed, and for a grid with its parameters.

    Raises:
        UsageError: there are more baselines than trials, or more trials than the grid has points.
    """
    if n_trials < len(baselines):
        names = ", ".join(baseline.name for baseline in baselines)
        raise UsageError(
            f"{space.name} has {len(baselines)} baselines ({names}): give --n-trials {len(baselines)}, or more"
        )
    return tuple(
        with_own_split(order, manifest, slot)
        for slot, order in enumerate(seeded_orders(space, manifest, n_trials, baselines))
    )


def with_own_split(order: SlotOrder, manifest: Manifest, slot: int) -> SlotOrder:
    """The slot's order, with a split of its own if the study reshuffles."""
    if manifest.validation.kind != "reshuffled":
        return order
    settings = msgspec.structs.replace(order.settings, split_seed=derive_seed(manifest.seed, slot, RESHUFFLED))
    return msgspec.structs.replace(order, settings=settings)


def seeded_orders(
    space: Space, manifest: Manifest, n_trials: int, baselines: Sequence[Baseline]
) -> tuple[SlotOrder, ...]:
    """The slots with the study's split."""
    seeds = [derive_seed(manifest.seed, slot) for slot in range(n_trials)]
    first = [baseline_order(baseline, seed) for baseline, seed in zip(baselines, seeds, strict=False)]
    others = seeds[len(baselines) :]
    if manifest.sampler != GRID:
        return (*first, *(SlotOrder(seed=seed) for seed in others))
    points = grid_points(space, manifest.seed)
    if len(others) > len(points):
        raise UsageError(
            f"the grid of {space.name} has {len(points)} points, fewer than the {len(others)} trials asked for: "
            f"give --n-trials {len(points) + len(baselines)} or less, or another sampler"
        )
    return (*first, *(SlotOrder(seed=seed, params=params) for seed, params in zip(others, points, strict=False)))
