"""The attribute of a trial that says why its model can't be kept."""

from collections.abc import Mapping
from typing import Any

from search.study.trial_attributes import TrialAttributes


def model_problem(attributes: Mapping[str, Any]) -> str | None:
    """Why the model of a trial with these attributes can't be kept, and what to do; None if it can."""
    return TrialAttributes.of(attributes).model_problem
