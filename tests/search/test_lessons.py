"""What trials say about each parameter, on trials made by hand."""

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from scipy.stats import binomtest

from search.views.facts import State, TrialFacts
from search.views.lessons import lessons, ranking
from storage.objective import Objective
from storage.testkit import HIGHER, LOWER
from tests.helpers.made_up import trial_facts

NORMS = CategoricalDistribution(["none", "before", "after"])
RATES = FloatDistribution(0.0, 1.0)


def complete(number: int, value: float, **params: Any) -> TrialFacts:
    return made(number, "complete", value, 5, params)


def pruned(number: int, value: float | None, epochs: int, **params: Any) -> TrialFacts:
    return made(number, "pruned", value, epochs, params)


def made(number: int, state: State, value: float | None, epochs: int, params: dict[str, Any]) -> TrialFacts:
    distributions = {name: NORMS if isinstance(value, str) else RATES for name, value in params.items()}
    return trial_facts(number, value, params, epochs, state=state, distributions=distributions)


def numbers(trials: list[TrialFacts], goal: Objective = HIGHER) -> list[int]:
    return [trial.number for trial in ranking(trials, goal)]


def test_completed_trials_come_first_and_then_those_that_got_furthest() -> None:
    trials = [pruned(0, 0.99, 1), complete(1, 0.5), pruned(2, 0.3, 3), complete(3, 0.7), pruned(4, 0.6, 3)]
    assert numbers(trials) == [3, 1, 4, 2, 0]


def test_a_loss_is_ranked_from_low_to_high() -> None:
    trials = [complete(0, 0.5), complete(1, 0.2), pruned(2, 0.9, 2), pruned(3, 0.1, 2)]
    assert numbers(trials, LOWER) == [1, 0, 3, 2]


@pytest.mark.parametrize("goal", [HIGHER, LOWER])
def test_a_trial_that_diverged_comes_last_of_those_that_got_as_far(goal: Objective) -> None:
    trials = [pruned(0, None, 2), pruned(1, 0.1, 2), pruned(2, 0.9, 2)]
    assert numbers(trials, goal)[-1] == 0


def test_failed_and_running_trials_say_nothing() -> None:
    trials = [made(0, "failed", None, 1, {}), made(1, "running", None, 1, {}), complete(2, 0.5)]
    assert numbers(trials) == [2]


def test_a_choice_is_judged_by_its_share_of_the_best_quarter_with_its_interval() -> None:
    norms = ["after"] * 8 + ["before"] * 4 + ["none"] * 8
    trials = [complete(number, 1 - number / 100, norm=norm) for number, norm in enumerate(norms)]
    (lesson,) = lessons(trials, HIGHER)
    assert [(score.choice, score.best, score.n) for score in lesson.choices] == [
        ("after", 5, 8),
        ("none", 0, 8),
        ("before", 0, 4),
    ]
    interval = binomtest(5, 8).proportion_ci(method="wilson")
    assert (lesson.choices[0].low, lesson.choices[0].high) == pytest.approx((interval.low, interval.high))


def test_a_number_has_the_range_of_the_best_quarter() -> None:
    trials = [complete(number, 1 - number / 100, rate=number / 20) for number in range(16)]
    (lesson,) = lessons(trials, HIGHER)
    assert lesson.best_range == pytest.approx((0.0, 0.15))


def test_a_parameter_that_only_some_trials_have_is_judged_by_those() -> None:
    trials = [complete(number, number / 100, **({"rate": 0.5} if number < 3 else {})) for number in range(16)]
    (lesson,) = lessons(trials, HIGHER)
    assert (lesson.parameter, lesson.best_range) == ("rate", None)


def test_a_few_trials_say_nothing() -> None:
    assert lessons([complete(number, 0.5, rate=0.5) for number in range(11)], HIGHER) == ()
