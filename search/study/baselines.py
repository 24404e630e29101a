"""Baselines: known configurations of a space in the study's first slots, whose results here are compared."""

from collections.abc import Iterable

from search.errors import UsageError
from spaces.space import Baseline, Space
from storage.records import SlotOrder, SlotRow, SlotSettings


def require_baselines(space: Space) -> tuple[Baseline, ...]:
    """The space's baselines.

    Raises:
        UsageError: it has none.
    """
    if not space.baselines:
        raise UsageError(
            f"--baselines: the space {space.name} has none, or none within what is searched of it, so there is nothing "
            "to start from. Leave the flag out, or give the space some: Space(…, baselines=(Baseline(name, params),))"
        )
    return space.baselines


def baseline_order(baseline: Baseline, seed: int) -> SlotOrder:
    """The slot of a baseline. It is never pruned, as other trials are compared with it."""
    return SlotOrder(seed=seed, params=dict(baseline.params), settings=SlotSettings(baseline=baseline.name))


def ordered_baselines(slots: Iterable[SlotRow]) -> int:
    """How many of a study's slots are baselines: they are its first."""
    return sum(slot.settings.baseline is not None for slot in slots)
