"""Of equal trials the earlier one is the best, for every command alike, whichever worker had which slot."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from search.design.base import ranked_trials
from search.study.snapshot import find_best
from search.views.facts import gather_facts
from search.workers.settle import best_slots
from spaces.metrics import METRICS
from storage import SharedStudy
from storage.objective import Objective
from storage.records import Outcome
from storage.testkit import HIGHER, LOWER, bound, claimed
from tests.helpers.lab import Lab


@pytest.fixture
def tied(lab: Lab) -> SharedStudy:
    """Two trials with one value; the worker with the second slot was the first to make its trial."""
    shared: SharedStudy = lab.study(2)
    leases = [claimed(shared.ledger, "one"), claimed(shared.ledger, "other")]
    for lease in reversed(leases):
        number = shared.study.ask().number
        bound(shared.ledger, lease, number)
        shared.ledger.finish(lease, Outcome("complete", 0.5, epochs=3))
        shared.study.tell(number, 0.5, state=TrialState.COMPLETE)
    assert [slot.trial_number for slot in shared.ledger.slots()] == [1, 0]
    return shared


def test_every_command_names_the_same_trial(tied: SharedStudy) -> None:
    best, facts = find_best(tied), gather_facts(tied)
    assert best is not None
    assert facts.best is not None
    named = [
        best.number,
        best_slots(tied)[0].trial_number,
        facts.best.number,
        ranked_trials(tied)[0].number,
        tied.study.best_trial.number,
    ]
    assert named == [0] * 5


@pytest.mark.parametrize("goal", [HIGHER, LOWER])
@given(values=st.lists(st.floats(allow_nan=True) | st.none(), max_size=8))
def test_the_best_comes_first_and_what_has_no_value_last(goal: Objective, values: list[float | None]) -> None:
    ranked = goal.ranked(enumerate(values), lambda item: (item[1], item[0]))
    losses = [goal.loss(value) for _, value in ranked]
    assert losses == sorted(losses)
    for (first, value), (second, other) in pairwise(ranked):
        assert first < second or goal.loss(value) < goal.loss(other)


@pytest.mark.parametrize("metric", METRICS)
def test_guessing_lies_within_the_bounds_of_its_metric(metric: Any) -> None:
    low, high = METRICS[metric].bounds
    assert low <= METRICS[metric].guess(10) <= high
