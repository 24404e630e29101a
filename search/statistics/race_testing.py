"""Simulated races, of which the truth is known: how often the best arm is lost, and what the intervals hold.

Arms are candidates and, last, the reference: it isn't in the race, but has as many replicates as the last candidate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np

from search.statistics import holm
from search.statistics.anytime import weigh_anytime
from search.statistics.eprocess import p_above
from search.statistics.intervals import CONFIDENCE, share_limits, standard_error, student
from search.statistics.looks import Look
from search.statistics.race import p_worse, plan_anytime_race, plan_race
from search.statistics.scores import DECIMALS, SMALLEST_STEP, BoolArray, FloatArray, IntArray
from search.statistics.testing import IMAGES, Draw, Shape, near_ceiling, normal, simulate, ties
from search.statistics.verdict import decide, weigh

STUCK, STUCK_RATE = 0.1, 0.05
REFERENCE_EFFECT = -0.01
BEST = 0
RESAMPLES = 1_999
POINT = 0.01
MARGIN = POINT / 2


@dataclass(frozen=True)
class Scenario:
    """Candidates, of which the first is among the best: their effects, given their number, what is drawn, and the mean
    of that for an arm without an effect, of runs that don't get stuck.
    """

    draw: Draw
    effects: Callable[[int], Sequence[float]]
    mean: float = 0.9


def equal(arms: int) -> Sequence[float]:
    """No arm differs."""
    return [0.0] * arms


def ladder(arms: int) -> Sequence[float]:
    """Each arm is half a point worse than the one before."""
    return [-POINT / 2 * place for place in range(arms)]


def one_better(arms: int) -> Sequence[float]:
    """The first arm is one point better than all others."""
    return [0.0, *[-POINT] * (arms - 1)]


def last_diverges(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """The last candidate gets stuck at guessing in one of 20 runs."""
    scores = normal(rng, shape)
    stuck = rng.random(scores[:, -2].shape) < STUCK_RATE
    scores[:, -2] = np.where(stuck, STUCK, scores[:, -2])
    return scores


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "equal": Scenario(normal, equal),
        "ladder": Scenario(normal, ladder),
        "one_better": Scenario(normal, one_better),
        "skewed": Scenario(near_ceiling, equal, 60 / 62),
        "ties": Scenario(ties, equal, 0.995),
        "one_diverges": Scenario(last_diverges, equal),
    }
)


@dataclass(frozen=True)
class RacesAtEnd:
    """Simulated races when they ended. `left` has the shape (simulations, candidates); the others (simulations,).

    `best_left` is whether the first candidate, of the best, is; `gain_covers` and `score_covers` whether the intervals
    of the recommended candidate's gain over the reference, and of its score, hold the truth. The recommended one is the
    first of `costs` that is left. `trainings` is how many it took, the reference's among them.
    """

    left: BoolArray
    best_left: BoolArray
    gain_covers: BoolArray
    score_covers: BoolArray
    gain: FloatArray
    replicates: IntArray
    trainings: IntArray


def simulate_races(
    name: str,
    seed: Sequence[int],
    *,
    candidates: int,
    replicates: int,
    simulations: int = 2_000,
    anytime: bool = False,
) -> RacesAtEnd:
    """Races of a scenario. Candidates have random costs, which have nothing to do with their scores. An `anytime` race
    is judged after every replicate.
    """
    scenario = SCENARIOS[name]
    effects = [*scenario.effects(candidates), REFERENCE_EFFECT]
    scores = simulate(scenario.draw, seed, replicates=replicates, effects=effects, simulations=simulations)
    costs = np.random.default_rng([*seed, 1]).permuted(np.tile(np.arange(candidates), (simulations, 1)), axis=1)
    looks = (plan_anytime_race if anytime else plan_race)(replicates, candidates)
    left, reached, trainings = run_races(scores[:, :-1], looks, MARGIN, anytime=anytime)
    pick = np.where(left, costs, candidates).argmin(axis=1)
    means = scenario.mean + np.asarray(effects)  # no interval can know of stuck runs that it hasn't seen
    return RacesAtEnd(
        left=left,
        best_left=left[:, BEST],
        gain_covers=covers(chosen(scores, pick) - scores[:, -1], reached, (means[pick] - means[-1])),
        score_covers=covers(chosen(scores, pick), reached, means[pick], shares=True),
        gain=means[pick] - means[-1],
        replicates=reached,
        trainings=trainings + reached,
    )


def run_races(
    scores: FloatArray, looks: Sequence[Look], margin: float, *, anytime: bool = False
) -> tuple[BoolArray, IntArray, IntArray]:
    """What is left of scores of shape (simulations, candidates, replicates), with how many replicates, and how many
    trainings it took.
    """
    simulations, candidates, _ = scores.shape
    left = np.ones((simulations, candidates), dtype=bool)
    running = np.ones(simulations, dtype=bool)
    reached, trainings = (np.zeros(simulations, dtype=int) for _ in range(2))
    before = 0
    for look in looks:
        trainings += np.where(running, left.sum(axis=1) * (look.replicates - before), 0)
        reached[running] = look.replicates
        before = look.replicates
        seen = scores[running, :, : look.replicates]
        kept = still_left(seen, left[running], look, margin if anytime else None)
        over = (kept.sum(axis=1) == 1) | all_equivalent(seen, kept, look, margin, anytime=anytime)
        left[running] = kept
        running[running] = ~over
    return left, reached, trainings


def still_left(scores: FloatArray, left: BoolArray, look: Look, bet_on: float | None = None) -> BoolArray:
    """The candidates that aren't shown worse than another that is left: by e-processes, given a margin to bet on."""
    candidates = scores.shape[1]
    kept = left.copy()
    for arm in range(candidates):
        for rival in range(candidates):
            if arm != rival:
                ahead = np.round(scores[:, rival] - scores[:, arm], DECIMALS)
                level = look.level / (candidates - 1)
                rng = np.random.default_rng([arm, rival])
                p = (
                    p_worse(ahead, level, rng, resamples=RESAMPLES)
                    if bet_on is None
                    else p_above(ahead, bet_on)[..., -1]
                )
                kept[:, arm] &= ~((p <= level) & left[:, rival])
    return kept


def all_equivalent(
    scores: FloatArray, left: BoolArray, look: Look, margin: float, *, anytime: bool = False
) -> BoolArray:
    """Whether all candidates that are left differ by less than the margin. Pairs of which one is gone don't count."""
    evidence = []
    for first, second in combinations(range(scores.shape[1]), 2):
        values = np.round(scores[:, first] - scores[:, second], DECIMALS)
        rng = np.random.default_rng([first, second])
        found = weigh_anytime(values, margin) if anytime else weigh(values, margin, rng, resamples=RESAMPLES)
        evidence.append((first, second, found))
    if anytime:
        equivalent = holm.corrected(np.stack([one.p_equivalence for *_, one in evidence], axis=-1)) <= look.level
    else:
        equivalent = decide([one for *_, one in evidence], margin, look.level).equivalent
    gone = np.stack([~(left[:, first] & left[:, second]) for first, second, _ in evidence], axis=-1)
    return np.asarray((equivalent | gone).all(axis=-1))


def chosen(scores: FloatArray, pick: IntArray) -> FloatArray:
    """The scores of the arm that each simulation picks: shape (simulations, replicates)."""
    return scores[np.arange(len(pick)), pick]


def covers(values: FloatArray, reached: IntArray, truth: FloatArray, *, shares: bool = False) -> BoolArray:
    """Whether Student's interval of the first `reached` values, or that of shares of images, holds the truth."""
    covered = np.zeros(len(values), dtype=bool)
    for n in np.unique(reached):
        these = reached == n
        seen = values[these, :n]
        mean, error = seen.mean(axis=-1), standard_error(seen)
        low, high = (
            share_limits(mean, error, int(n), IMAGES, CONFIDENCE) if shares else student(mean, error, n - 1, CONFIDENCE)
        )
        covered[these] = (low <= truth[these] + SMALLEST_STEP) & (truth[these] - SMALLEST_STEP <= high)
    return covered
