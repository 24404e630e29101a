"""The engines: one file each, a line each here."""

from importlib import import_module
from types import MappingProxyType
from typing import cast

from search.cluster.engine import Engine
from search.cluster.fleet import EngineName

# The module of each, below this package; its class is Engine's implementation of that name.
ENGINES = MappingProxyType({"slurm": "Slurm", "kubernetes": "Kubernetes", "ray": "Ray"})


def engine_of(name: EngineName) -> Engine:
    """The engine of that name."""
    return cast("Engine", getattr(import_module(f"{__name__}.{name}"), ENGINES[name])())
