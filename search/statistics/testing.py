"""Simulated comparisons, of which the truth is known: how often the statistics are right.

Scores have the shape (simulations, arms, replicates). But for the effects that are added, the arms of `SHAPES` are
exchangeable given the seed: what "no difference" means in a comparison with common random numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np

from search.statistics import holm
from search.statistics.eprocess import p_above, p_difference, p_equivalence
from search.statistics.looks import LEVEL, Look
from search.statistics.permutation import RESAMPLES
from search.statistics.scores import DECIMALS, BoolArray, FloatArray, IntArray
from search.statistics.verdict import Decision, Evidence, decide, weigh

IMAGES = 287
SPREAD = 0.01

Shape = tuple[int, int, int]
Draw = Callable[[np.random.Generator, Shape], FloatArray]


def normal(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Normal noise of each arm around what the replicate does to all of them."""
    return np.asarray(shared(rng, shape) + rng.normal(0, SPREAD, shape))


def heavy_tails(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Student's t with 3 degrees of freedom: now and then a run is far off."""
    return shared(rng, shape) + SPREAD * rng.standard_t(3, shape)


def near_ceiling(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Accuracies around 0.97 of 287 images: skewed to the left, in steps."""
    return np.round(rng.beta(60, 2, shape) * IMAGES) / IMAGES


def ties(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Accuracies around 0.995 of 287 images: few different values, many of them equal."""
    return rng.binomial(IMAGES, 0.995, shape) / IMAGES


def failing_runs(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """One run in ten gets stuck at the accuracy of guessing."""
    return np.where(rng.random(shape) < 0.1, 0.1, normal(rng, shape))


def unequal_spreads(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """Equal means, but the first arm's scores are skewed and spread out, the others' hardly: no arms of one kind."""
    scores = rng.beta(600, 20, shape)
    scores[:, 0] = rng.beta(60, 2, scores[:, 0].shape)
    return scores


SHAPES: Mapping[str, Draw] = MappingProxyType(
    {
        "normal": normal,
        "heavy_tails": heavy_tails,
        "near_ceiling": near_ceiling,
        "ties": ties,
        "failing_runs": failing_runs,
    }
)


def shared(rng: np.random.Generator, shape: Shape) -> FloatArray:
    """What a replicate's split and seed do to all arms alike."""
    simulations, _, replicates = shape
    return 0.9 + rng.normal(0, 2 * SPREAD, (simulations, 1, replicates))


def simulate(
    draw: Draw, seed: Sequence[int], *, replicates: int, effects: Sequence[float], simulations: int = 2_000
) -> FloatArray:
    """Scores of as many arms as there are effects, which are added to their scores."""
    rng = np.random.default_rng(seed)
    return np.asarray(draw(rng, (simulations, len(effects), replicates)) + np.reshape(effects, (1, -1, 1)))


def paired(scores: FloatArray) -> list[FloatArray]:
    """The differences of each pair of arms, of shape (simulations, replicates)."""
    arms = range(scores.shape[1])
    return [np.round(scores[:, first] - scores[:, second], DECIMALS) for first, second in combinations(arms, 2)]


def gather(scores: FloatArray, margin: float, *, seed: int = 0, resamples: int = RESAMPLES) -> list[Evidence]:
    """The evidence of each pair, an item a simulation."""
    rng = np.random.default_rng(seed)
    return [weigh(values, margin, rng, resamples=resamples) for values in paired(scores)]


def judge(scores: FloatArray, margin: float, *, resamples: int = RESAMPLES) -> Decision:
    """What is claimed of each pair, in each simulation: arrays of shape (simulations, pairs)."""
    return decide(gather(scores, margin, resamples=resamples), margin, LEVEL)


@dataclass(frozen=True)
class ClaimsAtStop:
    """What is claimed when a comparison stops, of shape (simulations, pairs), and with how many replicates it did."""

    higher: BoolArray
    lower: BoolArray
    equivalent: BoolArray
    corrected_covers: BoolArray
    replicates: IntArray


def judge_until_decided(
    scores: FloatArray,
    margin: float,
    plans: Mapping[str, Sequence[Look]],
    effects: Sequence[float],
    *,
    resamples: int = RESAMPLES,
) -> dict[str, ClaimsAtStop]:
    """For each plan: looks at the first replicates, then at more, and stops when every pair is decided, or at the last
    look. The plans look at the same evidence.
    """
    truth = np.array([first - second for first, second in combinations(effects, 2)])
    sizes = sorted({look.replicates for looks in plans.values() for look in looks})
    evidence = {size: gather(scores[..., :size], margin, seed=size, resamples=resamples) for size in sizes}
    return {
        plan: stop(looks, [decide(evidence[look.replicates], margin, look.level) for look in looks], truth)
        for plan, looks in plans.items()
    }


def judge_at_any_time(scores: FloatArray, margin: float, effects: Sequence[float]) -> ClaimsAtStop:
    """Looks after every replicate from the second on, by e-processes, and stops when every pair is decided, or at the
    last one. `corrected_covers` says whether the confidence sequence at the level ever loses the truth before.
    """
    truth = [one - other for one, other in combinations(effects, 2)]
    values = paired(scores)
    p = np.stack([p_difference(one, margin) for one in values], axis=-1)
    p_same = np.stack([p_equivalence(one, margin) for one in values], axis=-1)
    up = np.stack([p_above(one, margin) for one in values], axis=-1)
    equivalent = holm.corrected(p_same) <= LEVEL
    differs = (holm.corrected(p) <= LEVEL) & ~equivalent
    lost = np.stack([p_difference(one - center, margin) <= LEVEL for one, center in zip(values, truth, strict=True)])
    complete = np.asarray((differs | equivalent).all(axis=-1))
    complete[:, :1] = False
    complete[:, -1] = True
    last = complete.argmax(axis=1)
    at = np.arange(len(last)), last
    return ClaimsAtStop(
        higher=(differs & (2 * up <= p))[at],
        lower=(differs & (2 * up > p))[at],
        equivalent=equivalent[at],
        corrected_covers=~np.moveaxis(lost, 0, -1)[at],
        replicates=last + 1,
    )


def stop(looks: Sequence[Look], decisions: Sequence[Decision], truth: FloatArray) -> ClaimsAtStop:
    """What each simulation claims at the look at which it stops."""
    complete = np.stack([(one.higher | one.lower | one.equivalent).all(axis=-1) for one in decisions])
    complete[-1] = True
    last = complete.argmax(axis=0)

    def when_stopped(items: list[BoolArray]) -> BoolArray:
        return np.asarray(np.stack(items)[last, np.arange(last.size)])

    return ClaimsAtStop(
        higher=when_stopped([one.higher for one in decisions]),
        lower=when_stopped([one.lower for one in decisions]),
        equivalent=when_stopped([one.equivalent for one in decisions]),
        corrected_covers=when_stopped([(one.low <= truth) & (truth <= one.high) for one in decisions]),
        replicates=np.array([look.replicates for look in looks])[last],
    )


def share(hits: BoolArray) -> float:
    """The share of simulations in which any pair is hit."""
    return float(hits.any(axis=-1).mean()) if hits.ndim > 1 else float(hits.mean())
