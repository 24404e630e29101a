"""Samplers by name. A sampler proposes the parameters of the next trial from the trials before it.

Each slot gets its own sampler, seeded by the study's seed and the slot's number. Proposals then depend only on the
study's history, not on the worker or on restarts, and two workers never draw the same first samples.
"""

import importlib.util
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from search.errors import UsageError
from search.sampling.seeds import derive_seed
from spaces.names import unknown_name

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

GRID = "grid"
AGAIN = 2  # the purpose of a seed


@dataclass(frozen=True)
class SamplerChoice:
    """A sampler by name: its description, its factory, and the additional packages that it needs.

    `make` gets numbers from which its seed is derived, the first of which is the study's seed. `history` is the
    greatest number of finished trials that it gets to see, None for all: see `search.sampling.history.subsampled`.
    """

    description: str
    make: "Callable[..., BaseSampler]"
    packages: tuple[str, ...] = ()
    history: int | None = None


ALONE = threading.Lock()  # which warnings are ignored is the process's, and workers are threads of one


def make_sampler(name: str, study_seed: int, slot: int, again: int = 0) -> "BaseSampler":
    """The sampler that proposes the parameters of one slot; with `again`, others than those that it proposes at first.

    Raises:
        UsageError: no sampler has that name, or a package that it needs isn't installed.
    """
    from search.sampling.slot_sampler import SlotSampler

    path = (study_seed, slot, AGAIN, again) if again else (study_seed, slot)
    return SlotSampler(partial(_make_quietly, sampler_choice(name), *path))


def _make_quietly(choice: SamplerChoice, *path: int) -> "BaseSampler":
    from optuna.exceptions import ExperimentalWarning

    with ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # chosen knowingly: see docs/samplers.md
        return choice.make(*path)


def sampler_choice(name: str) -> SamplerChoice:
    """The sampler of that name, checked to be installed.

    Raises:
        UsageError: no sampler has that name, or a package that it needs isn't installed.
    """
    choice = SAMPLERS.get(name)
    if choice is None:
        raise UsageError(unknown_name("sampler", name, SAMPLERS))
    missing = [package for package in choice.packages if importlib.util.find_spec(package) is None]
    if missing:
        raise UsageError(
            f"The sampler {name!r} needs {' and '.join(missing)}: pip install 'keras-image-search[{name}]', "
            f"or choose another: {', '.join(SAMPLERS)}."
        )
    return choice


def _tpe(*path: int) -> "BaseSampler":
    from optuna.samplers import TPESampler

    # group: one look at the history for all parameters of a trial; ungrouped, each conditional one costs another.
    # constant_liar: what other workers are trying right now isn't proposed again.
    return TPESampler(multivariate=True, group=True, constant_liar=True, seed=derive_seed(*path))


def _random(*path: int) -> "BaseSampler":
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=derive_seed(*path))


def _qmc(*path: int) -> "BaseSampler":
    from optuna.samplers import QMCSampler

    # One scrambled sequence for the whole study: every slot must scramble it alike, and only what isn't part of the
    # sequence (conditional parameters) is drawn by the slot's own seed.
    return QMCSampler(
        scramble=True,
        seed=derive_seed(path[0]),
        independent_sampler=_random(*path),
        warn_independent_sampling=False,
    )


def _cmaes(*path: int) -> "BaseSampler":
    from optuna.samplers import CmaEsSampler

    return CmaEsSampler(
        seed=derive_seed(*path),
        independent_sampler=_random(*path),
        warn_independent_sampling=False,
    )


def _gp(*path: int) -> "BaseSampler":
    from optuna.samplers import GPSampler

    return GPSampler(seed=derive_seed(*path), independent_sampler=_random(*path))


SAMPLERS: Mapping[str, SamplerChoice] = MappingProxyType(
    {
        "tpe": SamplerChoice("tree-structured Parzen estimator, learns from every trial (default)", _tpe, history=500),
        "random": SamplerChoice("independent random draws", _random),
        "qmc": SamplerChoice("scrambled Sobol sequence: spreads evenly where random draws cluster", _qmc),
        "cmaes": SamplerChoice("CMA-ES, for spaces of numbers; choices are drawn at random", _cmaes, ("cmaes",)),
        "gp": SamplerChoice("Gaussian process, for few and expensive trials", _gp, ("torch",), history=500),
        # The grid's points are the slots' fixed parameters; nothing is left to a sampler.
        GRID: SamplerChoice("every combination, continuous parameters at three values each", _random),
    }
)
