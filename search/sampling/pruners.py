"""Pruners by name. A pruner ends a trial early when it does worse than others did after as many epochs, or pauses it
until it is known whether others do better (storage/promotion.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from search.errors import UsageError
from spaces.names import unknown_name
from storage.rungs import Rungs

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from storage.manifest import Manifest

REDUCTION_FACTOR = 3
NO_PRUNER = "none"


@dataclass(frozen=True)
class PrunerChoice:
    """A pruner by name: its description, its factory for trials of N epochs, and whether it judges after one of these N
    epochs: after the others every trial goes on. One that `promotes` pauses trials at its rungs: it is the ledger that
    judges, and what is made ends none.
    """

    description: str
    make: "Callable[[int], BasePruner]"
    judges: Callable[[int, int], bool]
    promotes: bool = False


def make_pruner(name: str, epochs: int) -> "BasePruner":
    """The pruner of that name for trials of N epochs.

    Raises:
        UsageError: no pruner has that name.
    """
    return pruner_choice(name).make(epochs)


def pruner_choice(name: str) -> PrunerChoice:
    """The pruner of that name.

    Raises:
        UsageError: no pruner has that name.
    """
    choice = PRUNERS.get(name)
    if choice is None:
        raise UsageError(unknown_name("pruner", name, PRUNERS))
    return choice


def grace_epochs(epochs: int) -> int:
    """The epochs before a trial may be pruned: a fifth of them, at least one."""
    return max(1, round(epochs / 5))


def rung_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs after which halving judges trials of N epochs."""
    return tuple(epoch for epoch in range(1, epochs) if _at_rungs(epochs, epoch))


def promotion_rule(manifest: "Manifest") -> Rungs | None:
    """How a study's trials are promoted, None if its pruner pauses none."""
    if not pruner_choice(manifest.pruner).promotes:
        return None
    return Rungs(rung_epochs(manifest.epochs_per_trial), manifest.direction, REDUCTION_FACTOR)


def _asha_stop(epochs: int) -> "BasePruner":
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner(min_resource=grace_epochs(epochs), reduction_factor=REDUCTION_FACTOR)


def _median(epochs: int) -> "BasePruner":
    from optuna.pruners import MedianPruner

    return MedianPruner(n_startup_trials=5, n_warmup_steps=grace_epochs(epochs))


def _hyperband(epochs: int) -> "BasePruner":
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(min_resource=grace_epochs(epochs), max_resource=epochs, reduction_factor=REDUCTION_FACTOR)


def _none(_epochs: int) -> "BasePruner":
    from optuna.pruners import NopPruner

    return NopPruner()


def _at_rungs(epochs: int, epoch: int) -> bool:
    """Successive halving, in whichever bracket, judges at the first rung and at its multiples by the factor."""
    rung = grace_epochs(epochs)
    while rung < epoch:
        rung *= REDUCTION_FACTOR
    return rung == epoch


def _after_grace(epochs: int, epoch: int) -> bool:
    return epoch >= grace_epochs(epochs)


def _never(_epochs: int, _epoch: int) -> bool:
    return False


PRUNERS: Mapping[str, PrunerChoice] = MappingProxyType(
    {
        "asha": PrunerChoice(
            "asynchronous successive halving: trials are paused at each rung, the best third is resumed (default)",
            _none,
            _at_rungs,
            promotes=True,
        ),
        "asha-stop": PrunerChoice(
            "asynchronous successive halving that ends trials: the best third so far goes on at each rung",
            _asha_stop,
            _at_rungs,
        ),
        "median": PrunerChoice("ends what is worse than the median of the completed trials", _median, _after_grace),
        "hyperband": PrunerChoice(
            "several brackets of successive halving, from eager to patient", _hyperband, _at_rungs
        ),
        NO_PRUNER: PrunerChoice("every trial runs all its epochs", _none, _never),
    }
)
