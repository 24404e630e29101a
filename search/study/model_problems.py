"""Why a trial's model can't be kept, whatever its score: an attribute of the trial."""

from collections.abc import Mapping
from typing import Any

MODEL_PROBLEM_ATTR = "model_problem"


def model_problem(attributes: Mapping[str, Any]) -> str | None:
    """Of a trial with these attributes, why its model can't be kept and what to do about it; None if nothing is known
    against it.
    """
    problem = attributes.get(MODEL_PROBLEM_ATTR)
    return None if problem is None else str(problem)
