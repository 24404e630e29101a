"""Trials without a study answer within the ranges, and refuse what no sampler could answer."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.errors import SpaceError
from spaces.trials import Choices, DryTrial, Interval, fixed_trial, random_trial

INTERVALS = st.one_of(
    st.builds(lambda low, width: Interval(low, low + width), st.floats(-1e6, 1e6), st.floats(0, 1e6)),
    st.builds(lambda low, factor: Interval(low, low * factor, log=True), st.floats(1e-9, 1e3), st.floats(1, 1e6)),
    st.builds(
        lambda low, n, step: Interval(low, low + n * step, step, integer=True),
        st.integers(-1000, 1000),
        st.integers(0, 50),
        st.integers(1, 7),
    ),
    st.builds(
        lambda low, n, step: Interval(low, low + n * step, step),
        st.floats(-10, 10),
        st.integers(0, 50),
        st.sampled_from([0.05, 0.1, 0.25, 1.0]),
    ),
    st.builds(
        lambda low, more: Interval(low, low + more, 1, log=True, integer=True), st.integers(1, 99), st.integers(0, 999)
    ),
)


def ask(trial: DryTrial, interval: Interval) -> float:
    if interval.integer:
        low, high, step = int(interval.low), int(interval.high), int(interval.step or 1)
        return trial.suggest_int("x", low, high, step=step, log=interval.log)
    return trial.suggest_float("x", interval.low, interval.high, step=interval.step, log=interval.log)


@given(INTERVALS, st.integers(0, 2**32))
def test_a_random_answer_lies_in_its_range(interval: Interval, seed: int) -> None:
    trial = random_trial(seed)
    assert interval.contains(ask(trial, interval))
    assert trial.distributions == {"x": interval}


@given(INTERVALS, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_answer(interval: Interval, seed: int) -> None:
    assert ask(random_trial(seed), interval) == ask(random_trial(seed), interval)


@given(INTERVALS, st.integers(0, 2**32))
def test_a_fixed_trial_repeats_what_a_random_one_answered(interval: Interval, seed: int) -> None:
    value = ask(random_trial(seed), interval)
    assert ask(fixed_trial({"x": value}), interval) == value


def test_a_parameter_asked_for_twice_has_one_value() -> None:
    trial = random_trial(0)
    assert trial.suggest_float("x", 0, 1) == trial.suggest_float("x", 0, 1)


def test_true_is_not_one() -> None:
    assert not Choices((1, 2)).contains(True)
    assert not Interval(0, 2).contains(True)
    assert Choices((1, 2)).contains(1)


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        (Choices(("a", 1, True)), "{a, 1, True}"),
        (Interval(1e-4, 1, log=True), "[0.0001, 1], log scale"),
        (Interval(0, 1, 0.25), "[0, 1], step 0.25"),
        (Interval(1, 9, 1, integer=True), "integer in [1, 9]"),
        (Interval(8, 64, 8, integer=True), "integer in [8, 64], step 8"),
    ],
)
def test_a_distribution_reads_as_a_range(distribution: Choices | Interval, text: str) -> None:
    assert str(distribution) == text


REFUSED: dict[str, tuple[Callable[[DryTrial], object], str]] = {
    "no name": (lambda t: t.suggest_float("", 0, 1), "a parameter's name is a text, not ''"),
    "a name that is no text": (lambda t: t.suggest_float(3, 0, 1), "a parameter's name is a text, not 3"),
    "no choices": (lambda t: t.suggest_categorical("x", []), "'x' has no choices"),
    "a choice that no storage keeps": (lambda t: t.suggest_categorical("x", [(1, 2)]), "a choice of 'x' is (1, 2)"),
    "a choice twice": (lambda t: t.suggest_categorical("x", ["a", "a"]), "'x' has a choice twice: ['a', 'a']"),
    "an infinite bound": (lambda t: t.suggest_float("x", 0, float("inf")), "'x' has infinite bounds [0.0, inf]"),
    "bounds the wrong way round": (
        lambda t: t.suggest_int("x", 3, 1),
        "'x' has its bounds the wrong way round: [3, 1]",
    ),
    "the logarithm of zero": (
        lambda t: t.suggest_float("x", 0, 1, log=True),
        "'x' has a logarithmic scale, and a lower",
    ),
    "a step of nothing": (lambda t: t.suggest_float("x", 0, 1, step=0.0), "'x' has a step of 0.0"),
    "a step on a logarithmic scale": (
        lambda t: t.suggest_float("x", 1, 2, step=0.5, log=True),
        "'x' has a step and a logarithmic scale",
    ),
    "an integer's step on a logarithmic scale": (
        lambda t: t.suggest_int("x", 1, 9, step=2, log=True),
        "'x' has a step and a logarithmic scale",
    ),
    "an integer between numbers that are none": (
        lambda t: t.suggest_int("x", 0.5, 2),
        "the bounds of the integer 'x' are integers, not 0.5 and 2",
    ),
    "one name for two ranges": (
        lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("x", 0, 2)),
        "'x' is asked for twice in one trial, as [0, 1] and as [0, 2]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_sampler_could_answer_is_refused(case: str) -> None:
    asks, message = REFUSED[case]
    with pytest.raises(SpaceError, match=re.escape(message)):
        asks(random_trial(0))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "the parameter 'x' is missing; it is one of [0, 1], step 0.25"),
        ({"x": 2.0}, "x = 2.0 is outside [0, 1]"),
        ({"x": 0.3}, "x = 0.3 is outside [0, 1], step 0.25"),
        ({"x": "a"}, "x = 'a' is outside [0, 1]"),
    ],
)
def test_a_fixed_trial_refuses_parameters_that_do_not_fit(params: dict[str, float | str], message: str) -> None:
    with pytest.raises(SpaceError, match=re.escape(message)):
        fixed_trial(params).suggest_float("x", 0, 1, step=0.25)


def test_a_continuous_interval_has_no_steps() -> None:
    with pytest.raises(ValueError, match="no steps"):
        Interval(0, 1).steps()
    with pytest.raises(ValueError, match="no steps"):
        Interval(0, 1).at_step(0)
