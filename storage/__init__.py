"""The shared study: Optuna's tables and ours in one database, on SQLite or Postgres.

    from storage import create_study, open_study, check_url

Names are looked up when they are first used, so that importing the package costs nothing: Optuna and SQLAlchemy take
half a second together.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage.artifacts import Artifacts as Artifacts
    from storage.artifacts import open_artifacts as open_artifacts
    from storage.ledger import Ledger as Ledger
    from storage.manifest import Manifest as Manifest
    from storage.masking import hide_password as hide_password
    from storage.study import SharedStudy as SharedStudy
    from storage.study import create_study as create_study
    from storage.study import open_study as open_study
    from storage.study import study_names as study_names
    from storage.url import check_url as check_url
    from storage.workers import Workers as Workers

HOMES = {
    "Artifacts": "artifacts",
    "Ledger": "ledger",
    "Manifest": "manifest",
    "SharedStudy": "study",
    "Workers": "workers",
    "check_url": "url",
    "create_study": "study",
    "hide_password": "masking",
    "open_artifacts": "artifacts",
    "open_study": "study",
    "study_names": "study",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(HOMES)}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
