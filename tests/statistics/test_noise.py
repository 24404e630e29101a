"""Variance shares: what a Latin square of seeds says of where the spread is from."""

import math

import numpy as np
import pytest

from search.statistics.noise import REST, NoiseAnswer, latin_square, measure_noise

PARTS = (0.3, 0.4, 0.1, 0.2)
SPREAD = 0.01


def trainings(seeds: int, parts: tuple[float, ...], rng: np.random.Generator) -> dict[int, float]:
    """Scores whose variance is made up of these parts."""
    square = latin_square(seeds)
    deviations = SPREAD * np.sqrt(parts)
    scores = 0.9 + deviations[3] * rng.normal(size=len(square))
    for factor, column in enumerate(square.T):
        scores += deviations[factor] * rng.normal(size=seeds)[column]
    return dict(enumerate(scores.tolist()))


def shares(answer: NoiseAnswer | None) -> list[float]:
    assert answer is not None
    return [one.share for one in answer.shares]


@pytest.mark.parametrize("seeds", [3, 4, 7, 10])
def test_each_seed_meets_each_of_the_others_once(seeds: int) -> None:
    square = latin_square(seeds)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert len({(row[one], row[other]) for row in square.tolist()}) == seeds * seeds


def test_what_one_factor_makes_is_said_of_it_alone() -> None:
    for factor, name in enumerate(("initialization", "split", "order")):
        scores = {cell: 0.9 + 0.01 * row[factor] for cell, row in enumerate(latin_square(4).tolist())}
        answer = measure_noise(scores, 4)
        assert answer is not None
        assert [one.name for one in answer.shares if one.share > 1e-9] == [name]
        assert answer.deviation_of(name) == pytest.approx(np.std([0, 0.01, 0.02, 0.03], ddof=1))


def test_with_many_seeds_the_shares_are_the_true_ones() -> None:
    found = np.mean(
        [shares(measure_noise(trainings(10, PARTS, np.random.default_rng(n)), 10)) for n in range(40)], axis=0
    )
    assert found.tolist() == pytest.approx(PARTS, abs=0.05)


def test_the_intervals_hold_the_shares() -> None:
    simulations = 200
    held = np.zeros(4)
    for number in range(simulations):
        answer = measure_noise(trainings(4, PARTS, np.random.default_rng(number)), 4, seed=number)
        assert answer is not None
        held += [one.interval.low <= true <= one.interval.high for one, true in zip(answer.shares, PARTS, strict=True)]
    allowed = 0.95 - 3 * math.sqrt(0.95 * 0.05 / simulations)
    assert (held / simulations >= allowed).all(), held


def test_a_missing_training_leaves_the_shares_of_what_is_there() -> None:
    scores = {cell: 0.9 + 0.01 * row[1] for cell, row in enumerate(latin_square(4).tolist()) if cell != 6}
    answer = measure_noise(scores, 4)
    assert answer is not None
    assert answer.n == 15
    assert shares(answer) == pytest.approx([0, 1, 0, 0], abs=1e-9)
    assert answer.deviation_of("split") == pytest.approx(np.std([0, 0.01, 0.02, 0.03], ddof=1), rel=0.1)


def test_too_few_trainings_and_equal_scores_say_nothing_wrong() -> None:
    assert measure_noise({}, 4) is None
    assert measure_noise({0: 0.9, 1: 0.8, 4: 0.7}, 4) is None
    answer = measure_noise(dict.fromkeys(range(16), 0.5), 4, images=100)
    assert answer is not None
    assert answer.deviation == 0
    assert answer.validation is None


def test_the_share_of_the_validation_set_s_size_is_its_binomial_variance() -> None:
    answer = measure_noise(trainings(5, PARTS, np.random.default_rng(1)), 5, images=1_000)
    assert answer is not None
    assert answer.validation == pytest.approx(answer.mean * (1 - answer.mean) / 1_000 / answer.deviation**2)
    assert {one.name for one in answer.shares} > {REST}
