"""A trainer's environment: without credentials of databases, artifact stores and dashboards.

Trainers and their server run the code of users' spaces, and need none of these.
"""

from collections.abc import Mapping

SECRET = frozenset(
    {
        "DASHBOARD_LOGIN",
        "DATABASE_URL",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_URI",
        "OPTUNA_STORAGE",
        "SEARCH_DASHBOARD_LOGIN",
        "SEARCH_MLFLOW",
        "SEARCH_NOTIFY",
        "SEARCH_STORAGE",
    }
)
SECRET_PREFIXES = ("AWS_", "PG", "POSTGRES_")


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that runs other people's code."""
    return {name: value for name, value in environment.items() if not is_secret(name)}


def is_secret(name: str) -> bool:
    """Whether a variable is a credential that a trainer doesn't need."""
    return name in SECRET or name.startswith(SECRET_PREFIXES)
