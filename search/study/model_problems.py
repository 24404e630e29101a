"""The attribute of a trial that says why its model can't be kept."""

from collections.abc import Mapping
from typing import Any

MODEL_PROBLEM_ATTR = "model_problem"


def model_problem(attributes: Mapping[str, Any]) -> str | None:
    """Why the model of a trial with these attributes can't be kept, and what to do; None if it can."""
    problem = attributes.get(MODEL_PROBLEM_ATTR)
    return None if problem is None else str(problem)
