"""The metrics that a study may optimize, each in its own way."""

import math
from typing import get_args

import pytest

from spaces.metrics import METRICS, MetricName, metric_name
from storage.objective import Objective
from storage.testkit import example_epoch


def test_each_name_is_a_metric() -> None:
    assert tuple(METRICS) == get_args(MetricName)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_between_its_bounds_where_it_is_guessed_and_where_it_is_measured(name: MetricName) -> None:
    metric = METRICS[name]
    low, high = metric.bounds
    measured = metric.of(example_epoch(metrics=dict.fromkeys(METRICS, 0.5)))
    assert measured is not None
    assert low <= measured <= high
    assert all(low <= metric.guess(classes) <= high for classes in (2, 10, 100))


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_a_short_name_too(name: MetricName) -> None:
    assert metric_name(name) == metric_name(name.removeprefix("val_")) == name


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no metric 'macro_f2'. Did you mean 'macro_f1'"):
        metric_name("macro_f2")


@pytest.mark.parametrize("name", METRICS)
def test_a_value_that_is_not_finite_is_the_worst(name: MetricName) -> None:
    goal = Objective(name, METRICS[name].direction)
    ranked = goal.ranked([(math.nan, 0), (0.5, 2), (None, 1), (0.5, 1)], key=lambda item: item)
    assert ranked[:2] == [(0.5, 1), (0.5, 2)]
