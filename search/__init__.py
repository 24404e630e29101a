"""The service: commands, workers, and the trainer process. For notebooks and programs: `run`, `compare` and `load`.

    from search import compare, load, run

They are looked up when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from search.host.module_path import settle_module_path

if TYPE_CHECKING:
    from search.api.comparing import compare as compare
    from search.api.result import Result as Result
    from search.api.run import load as load
    from search.api.run import run as run

settle_module_path()  # before anything else is imported

HOMES = {"compare": "api.comparing", "Result": "api.result", "load": "api.run", "run": "api.run"}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(HOMES)}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
