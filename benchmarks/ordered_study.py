"""A study whose trials have given parameters, and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from storage import create_study, open_study
from storage.records import SlotOrder
from storage.testkit import order_all


def order_study(options: LaunchOptions, params: Sequence[Mapping[str, Any]]) -> None:
    """Makes the study that a launch with these options would make, with a trial for each of the parameters."""
    plan = make_plan(options)
    with create_study(plan.url, plan.study_name, plan.manifest) as shared:
        order_all(shared.ledger, [SlotOrder(seed=number, params=dict(given)) for number, given in enumerate(params)])


def study_results(url: str, study_name: str) -> list[tuple[str, float | None, int]]:
    """Of each slot, in their order: state, objective and number of epochs."""
    with open_study(url, study_name) as shared:
        trials = sorted(shared.study.get_trials(deepcopy=False), key=lambda trial: trial.user_attrs["slot"])
        return [(trial.state.name.lower(), trial.value, len(trial.intermediate_values)) for trial in trials]
