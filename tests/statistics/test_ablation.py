"""Ablation: the path is chosen on half of the replicates, and what its steps do is estimated on the other half."""

import numpy as np
import pytest
from scipy.stats import binomtest

from search.statistics import ArmScores, Verdict
from search.statistics.ablation import AblationAnswer, along, choose_path, estimate_path, trainings_at_most
from search.statistics.scores import BoolArray, FloatArray

MARGIN = 0.005
NAMES = ("optimizer", "learning_rate", "batch_norm")


def planted(effects: tuple[float, ...], replicates: int, seed: int = 0, *, noise: float = 0.0) -> FloatArray:
    """Scores of all configurations, of shape (replicates, 2 ** settings), in which effects add up."""
    rng = np.random.default_rng(seed)
    numbers = range(1 << len(effects))
    means = [sum(effect for place, effect in enumerate(effects) if number >> place & 1) for number in numbers]
    shared = rng.normal(0, 0.02, (replicates, 1))
    return np.asarray(0.9 + shared + np.array(means) + noise * rng.normal(size=(replicates, len(means))))


def every(settings: int) -> BoolArray:
    return np.ones(1 << settings, dtype=bool)


def answer_of(scores: FloatArray, choosing: int) -> AblationAnswer:
    settings = int(np.log2(scores.shape[1]))
    path = choose_path(scores[:choosing], every(settings), settings, maximize=True)
    arms = [ArmScores(str(arm), dict(enumerate(map(float, scores[choosing:, arm])))) for arm in along(path)]
    return estimate_path(arms, path, NAMES, MARGIN)


def test_the_settings_are_changed_in_the_order_of_what_they_gain() -> None:
    scores = planted((-0.02, 0.01, 0.04), 4)
    assert choose_path(scores, every(3), 3, maximize=True) == (2, 1, 0)
    assert choose_path(scores, every(3), 3, maximize=False) == (0, 1, 2)
    assert along((2, 1, 0)) == [0b000, 0b100, 0b110, 0b111]


def test_a_path_is_known_as_far_as_its_rounds_are_trained() -> None:
    scores, trained = planted((-0.02, 0.01, 0.04), 4), np.zeros(8, dtype=bool)
    assert choose_path(scores, trained, 3, maximize=True) == ()
    trained[[0b001, 0b010, 0b100]] = True
    assert choose_path(scores, trained, 3, maximize=True) == (2,)
    trained[[0b101, 0b110]] = True
    assert choose_path(scores, trained, 3, maximize=True) == (2, 1, 0)


def test_configurations_of_which_all_trainings_fail_come_last() -> None:
    scores = planted((0.01, 0.02, 0.04), 4)
    scores[:, 0b100] = np.nan
    scores[0, 0b010] = np.nan
    assert choose_path(scores, every(3), 3, maximize=True)[0] == 1


def test_steps_that_matter_are_told_from_those_that_dont() -> None:
    answer = answer_of(planted((0.0, -0.02, 0.04), 18, noise=0.001), 9)
    assert [step.name for step in answer.steps] == ["batch_norm", "optimizer", "learning_rate"]
    assert [step.verdict for step in answer.steps] == [Verdict.BETTER, Verdict.EQUIVALENT, Verdict.WORSE]
    assert answer.steps[0].effect == pytest.approx(0.04, abs=0.002)
    assert answer.decided
    assert answer.whole is not None
    assert answer.whole.effect == pytest.approx(sum(step.effect for step in answer.steps))


def test_choosing_the_path_does_not_flatter_its_first_step() -> None:
    """None of the settings matters, and the luckiest is changed first: on the replicates that chose it, it seems to
    gain, on the others it doesn't.
    """
    lucky, fresh, wrong = [], [], 0
    for seed in range(100):
        scores = planted((0.0, 0.0, 0.0), 16, seed, noise=0.01)
        answer = answer_of(scores, 8)
        first = 1 << answer.path[0]
        lucky.append((scores[:8, first] - scores[:8, 0]).mean())
        fresh.append(answer.steps[0].effect)
        wrong += any(step.verdict in (Verdict.BETTER, Verdict.WORSE) for step in answer.steps)
    assert np.mean(lucky) > 0.002
    assert abs(np.mean(fresh)) < 3 * np.std(fresh) / np.sqrt(100)
    assert binomtest(wrong, 100, 0.05, alternative="greater").pvalue > 0.01


def test_with_one_replicate_left_nothing_is_estimated() -> None:
    answer = answer_of(planted((0.0, 0.0, 0.0), 3), 2)
    assert (answer.steps, answer.whole, answer.decided) == ((), None, False)


def test_how_many_trainings_it_takes() -> None:
    assert trainings_at_most(3, 16) == 8 * (3 + 2) + 8 * 4
    assert trainings_at_most(2, 5) == 2 * 2 + 3 * 3
