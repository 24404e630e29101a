"""Trials without a study answer within the ranges, and refuse what no sampler could answer."""

import re
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import distribution_to_json
from optuna.trial import FixedTrial

from spaces.distributions import Choices, Interval
from spaces.errors import SpaceError
from spaces.questions import PlainTrial
from spaces.trials import DryTrial, fixed_trial, random_trial

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


# Spaces in files of their own aren't checked for types: a trial is asked for anything.
REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
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
    "an integer that a storage rounds": (
        lambda t: t.suggest_int("x", 1, 2**60),
        "the bounds of the integer 'x' are 1 and 1152921504606846976: no study keeps those beyond 9007199254740992",
    ),
    "a set": (
        lambda t: t.suggest_categorical("x", {16, 8}),
        "the choices of 'x' are a set, which has no order: give a list, such as [8, 16]",
    ),
    "a generator": (
        lambda t: t.suggest_categorical("x", (n for n in (1, 2))),
        "the choices of 'x' are a generator: give a list",
    ),
    "a mapping": (lambda t: t.suggest_categorical("x", {"a": 1}), "the choices of 'x' are a dict: give a list"),
    "a text for choices": (
        lambda t: t.suggest_categorical("x", "adam"),
        "the choices of 'x' are the one text 'adam': give a list of them, ['adam']",
    ),
    "a number for choices": (lambda t: t.suggest_categorical("x", 3), "the choices of 'x' are a int: give a list"),
    "a choice that isn't a number": (
        lambda t: t.suggest_categorical("x", [0.1, float("nan")]),
        "a choice of 'x' is nan: no study can keep a number that isn't finite",
    ),
    "an infinite choice": (lambda t: t.suggest_categorical("x", [float("inf")]), "a choice of 'x' is inf"),
    "a text as a bound": (
        lambda t: t.suggest_float("x", "0.1", 1),
        "the lower bound of 'x' is '0.1': give a number",
    ),
    "a text as an integer's bound": (
        lambda t: t.suggest_int("x", 1, "9"),
        "the upper bound of 'x' is '9': give a number",
    ),
    "a bound that isn't a number": (
        lambda t: t.suggest_float("x", float("nan"), 1),
        "the lower bound of 'x' is not a number (NaN)",
    ),
    "no bound": (lambda t: t.suggest_float("x", None, 1), "the lower bound of 'x' is None: give a number"),
    "a text as a step": (lambda t: t.suggest_float("x", 0, 1, step="a"), "the step of 'x' is 'a': give a number"),
    "a broken step of an integer": (
        lambda t: t.suggest_int("x", 0, 9, step=1.5),
        "the step of the integer 'x' is an integer, not 1.5",
    ),
    "no step of an integer": (lambda t: t.suggest_int("x", 0, 9, step=None), "the step of 'x' is None: give a number"),
    "a text for a scale": (lambda t: t.suggest_float("x", 1, 2, log="yes"), "log of 'x' is 'yes': give True or False"),
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


@pytest.mark.parametrize("case", sorted(set(REFUSED) - {"one name for two ranges"}))
def test_a_trial_of_optuna_is_asked_for_the_same(case: str) -> None:
    asks, message = REFUSED[case]
    with pytest.raises(SpaceError, match=re.escape(message)):
        asks(PlainTrial(FixedTrial({"x": 1})))


class Size(IntEnum):
    SMALL = 8


ANSWERED: dict[str, tuple[Callable[[Any], Any], Choices | Interval]] = {
    "an array of choices": (
        lambda t: t.suggest_categorical("x", np.array([8, 16])),
        Choices((8, 16)),
    ),
    "choices of NumPy": (
        lambda t: t.suggest_categorical("x", [np.int64(8), np.float32(0.5), np.str_("a"), np.True_]),
        Choices((8, 0.5, "a", True)),
    ),
    "members of an enumeration": (lambda t: t.suggest_categorical("x", list(Size)), Choices((8,))),
    "a range of choices": (lambda t: t.suggest_categorical("x", range(8, 10)), Choices((8, 9))),
    "integers of NumPy as bounds": (
        lambda t: t.suggest_int("x", np.int64(8), np.int32(16), step=np.int8(8)),
        Interval(8, 16, 8, integer=True),
    ),
    "numbers of NumPy as bounds": (
        lambda t: t.suggest_float("x", np.float32(8), np.float64(16), log=np.True_),
        Interval(8.0, 16.0, log=True),
    ),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_scalars_of_other_libraries_become_pythons_own(case: str) -> None:
    asks, distribution = ANSWERED[case]
    trial = fixed_trial({"x": 8})
    assert type(asks(trial)) in (int, float)
    assert trial.distributions == {"x": distribution}
    of_optuna = FixedTrial({"x": 8})
    assert asks(PlainTrial(of_optuna)) == 8
    assert distribution_to_json(of_optuna.distributions["x"])


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
