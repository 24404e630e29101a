"""Planted faults are found in at least 95 of 100 simulated searches, and sound searches flagged in at most 5."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from search.check.checks import CHECKS
from search.check.checks.edges import check_edges
from search.check.checks.failures import check_failures
from search.check.checks.last_epochs import check_last_epochs
from search.check.checks.optimism import check_optimism, expected_maximum
from search.check.checks.overfitting import check_overfitting
from search.check.checks.pruning import check_pruning
from search.check.checks.ties import check_ties
from search.check.checks.training_length import check_training_length
from search.check.checks.trials import check_trials
from search.check.finding import Finding
from search.check.record import NumberRange, Run, SearchRecord, State

RANGES = {"learning_rate": NumberRange(1e-4, 1.0, log=True), "dropout_rate": NumberRange(0.0, 1.0)}
CHOICES = ("relu", "tanh", "elu")
SEARCHES = 100
Check = Callable[[SearchRecord], Finding]


@dataclass(frozen=True)
class Search:
    """A simulated search, sound unless said otherwise. Scores approach `quality` within `epochs`."""

    trials: int = 60
    epochs: int = 20
    n_validation: int = 20_000
    best_rate: float = 0.5  # where the best learning rate lies, as a share of its range
    half_life: float = 1.5  # epochs in which half of the way to the quality is gone
    jitter: float = 0.0005  # of scores from epoch to epoch
    flat: bool = False  # whether all settings are equally good
    gap: float = 0.01  # of training scores over validation scores
    peak: int | None = None  # the epoch after which scores fall
    improves: bool = False  # whether trials become better and better
    fails: Callable[[Any], bool] = field(default=lambda _: False)
    prunes: Callable[[float, float], bool] = field(default=lambda quality, median: quality < median - 0.02)
    test: float | None = None  # the test accuracy less the best validation accuracy

    def record(self, seed: int) -> SearchRecord:
        """The search with this seed."""
        rng = np.random.default_rng(seed)
        params = [
            {
                "learning_rate": float(10 ** rng.uniform(-4, 0)),
                "dropout_rate": float(rng.uniform()),
                "activation": str(rng.choice(CHOICES)),
            }
            for _ in range(self.trials)
        ]
        qualities = [self.quality(one, number, rng) for number, one in enumerate(params)]
        median = float(np.median(qualities))
        runs = tuple(self.run(number, params[number], qualities[number], median, rng) for number in range(self.trials))
        record = SearchRecord(
            name="s",
            space="space",
            runs=runs,
            ranges=RANGES,
            choices=("activation",),
            epochs=self.epochs,
            accuracy=True,
            n_validation=self.n_validation,
            n_test=10_000,
        )
        best = record.ranked[0].last if record.ranked else None
        return record if self.test is None or best is None else replace(record, test=best + self.test)

    def quality(self, params: dict[str, Any], number: int, rng: np.random.Generator) -> float:
        """What a trial of these parameters reaches."""
        if self.flat:
            return 0.9
        distance = RANGES["learning_rate"].share(params["learning_rate"]) - self.best_rate
        grown = 0.6 * number / self.trials if self.improves else 0.0
        base = 0.3 if self.improves else 0.85
        return float(base - 0.3 * distance**2 + grown + rng.normal(0, 0.03))

    def run(self, number: int, params: dict[str, Any], quality: float, median: float, rng: np.random.Generator) -> Run:
        """One trial."""
        epochs = np.arange(1, self.epochs + 1)
        means = quality * (1 - 0.5 ** (epochs / self.half_life))
        if self.peak is not None:
            means = quality - 0.01 * np.maximum(epochs - self.peak, 0) - 0.1 * np.maximum(self.peak - epochs, 0)
        error = math.sqrt(max(quality * (1 - quality), 0) / self.n_validation)
        scores = np.minimum(means + rng.normal(0, self.jitter, self.epochs) + rng.normal(0, error), 1.0)
        state: State = "failed" if self.fails(params) else "pruned" if self.prunes(quality, median) else "complete"
        kept = scores[: 4 if state == "pruned" else 1 if state == "failed" else None]
        training = np.minimum(kept + self.gap, 1.0)
        return Run(number, state, params, tuple(map(float, kept)), tuple(map(float, training)))


def flagged(check: Check, search: Search) -> int:
    """In how many searches the check finds something."""
    return sum(check(search.record(seed)).verdict in ("look", "problem") for seed in range(SEARCHES))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_sound_searches_are_left_alone(check: Check) -> None:
    assert flagged(check, Search()) <= 5


FAULTS: dict[str, tuple[Check, Search]] = {
    "the best learning rates lie beyond the range": (check_edges, Search(trials=150, best_rate=1.3)),
    "the search was still getting better": (check_trials, Search(improves=True)),
    "training is too short": (check_training_length, Search(half_life=12.0)),
    "training is too long": (check_training_length, Search(peak=1)),
    "scores jump about": (check_last_epochs, Search(flat=True, jitter=0.02)),
    "few validation images": (check_ties, Search(flat=True, n_validation=200)),
    "luck": (check_optimism, Search(n_validation=50)),
    "test images of another kind": (check_optimism, Search(test=-0.1)),
    "images learnt by heart": (check_overfitting, Search(gap=0.15)),
    "winners pruned": (check_pruning, Search(flat=True, prunes=lambda _quality, _median: False)),
    "a third fails": (check_failures, Search(fails=lambda params: params["activation"] == "elu")),
    "high learning rates fail": (check_failures, Search(fails=lambda params: params["learning_rate"] > 0.3)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str) -> None:
    check, search = FAULTS[fault]
    if check is check_pruning:
        rng = np.random.default_rng(0)
        search = replace(search, prunes=lambda _quality, _median: bool(rng.uniform() < 0.4))
    assert flagged(check, search) >= 95


def test_what_goes_with_failures_is_named() -> None:
    record = Search(fails=lambda params: params["activation"] == "elu").record(1)
    finding = check_failures(record)
    assert finding.verdict == "problem"
    assert "it goes with activation elu" in finding.words
    record = Search(fails=lambda params: params["learning_rate"] > 0.3).record(1)
    assert "it goes with a high learning_rate" in check_failures(record).words


def test_the_end_of_the_range_is_named() -> None:
    finding = check_edges(Search(trials=80, best_rate=1.3).record(1))
    assert "have learning_rate in the upper tenth of [0.0001, 1]" in finding.words


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("trials", [0, 1, 2, 4])
def test_too_little_to_say_anything_is_said(check: Check, trials: int) -> None:
    record = Search(trials=trials, epochs=2).record(1) if trials else replace(Search().record(1), runs=())
    verdicts = ("not enough data", "ok") if trials else ("not enough data",)
    assert check(record).verdict in verdicts


def test_a_loss_is_no_share_of_images() -> None:
    record = replace(Search().record(1), accuracy=False)
    for check in (check_ties, check_optimism, check_overfitting):
        assert check(record).verdict == "not enough data"
    for check in (check_edges, check_trials, check_training_length, check_last_epochs, check_pruning):
        assert check(record).verdict in ("ok", "look")


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (3, 1.5 / math.sqrt(math.pi))])
def test_the_expected_maximum_is_that_of_the_tables(k: int, expected: float) -> None:
    assert expected_maximum(k) == pytest.approx(expected, abs=1e-6)


def test_edges_of_steps_count_the_steps_that_are_there() -> None:
    assert NumberRange(1, 4, step=1).edge_probability(0.1) == 0.25
    assert NumberRange(0, 99, step=1).edge_probability(0.1) == pytest.approx(0.1)
    assert NumberRange(1e-4, 1, log=True).share(1e-2) == pytest.approx(0.5)
