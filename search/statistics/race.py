"""A race: arms are trained on more and more common replicates, and one that is shown worse than another leaves.

Whether an arm leaves is a test of its own hypothesis, that it is the best of all: it compares the arm with each rival
by a one-sided sign-flip test and by Student's interval, as verdicts do, at the look's level divided by the number of
rivals at the start. The levels of the looks add up to the race's. So the best arm leaves with a probability of at most
that level, however the pairs and the looks depend on each other (Bonferroni's inequality), and the arms that are left
hold the best with the rest. Which arms are gone has no influence on a test between two others, so that leaving causes
no error of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from search.errors import UsageError
from search.statistics.anytime import decide_anytime, weigh_anytime
from search.statistics.comparing import LEVEL, check_level, check_margin
from search.statistics.eprocess import fewest_to_exclude, p_above
from search.statistics.intervals import standard_error, student
from search.statistics.looks import Look, sizes, spending
from search.statistics.permutation import RESAMPLES, sign_flip
from search.statistics.scores import (
    FEWEST_REPLICATES,
    SMALLEST_STEP,
    ArmScores,
    FloatArray,
    check_arms,
    differences,
    step_of,
)
from search.statistics.verdict import decide, weigh

FIRST_LOOK = 4


class RaceEnd(StrEnum):
    """Why a race is over."""

    ONE_LEFT = "one is left"
    EQUIVALENT = "those that are left differ by less than the margin"
    SPENT = "all planned replicates are trained"


@dataclass(frozen=True)
class Leaver:
    """An arm that left at the look after this many replicates, shown worse than `rival`.

    `p` is the p-value of that, corrected for the number of rivals; `level` is the look's.
    """

    name: str
    rival: str
    replicates: int
    p: float
    level: float


@dataclass(frozen=True)
class Race:
    """A race after a look: `left` are the arms that are in it, in their order; `replicates` is how many each of them
    has; `end` says why it is over, None if it isn't.
    """

    left: tuple[str, ...]
    leavers: tuple[Leaver, ...]
    replicates: int
    end: RaceEnd | None


def plan_race(replicates: int, arms: int, *, level: float = LEVEL) -> tuple[Look, ...]:
    """The looks of a race that ends with this many replicates at the latest: the first after the fourth, four in all.

    Looks at which no test could reach its level are left out, and their part of the level goes to the next; the last
    look is always there, if only to end the race.

    Raises:
        UsageError: there are fewer than two arms or four replicates, or the level isn't between 0 and 0.5.
    """
    check_level(level)
    if arms < 2 or replicates < FIRST_LOOK:
        raise UsageError(f"a race takes two arms and {FIRST_LOOK} replicates, and has {arms} and {replicates}")
    looks = list[Look]()
    spent = 0.0
    for size in sizes(FIRST_LOOK, replicates, None):
        part = spending(size / replicates, level) - spent
        if size == replicates or smallest_one_sided_p(size) <= part / (arms - 1):
            looks.append(Look(size, part))
            spent += part
    return tuple(looks)


def plan_anytime_race(replicates: int, arms: int, *, level: float = LEVEL) -> tuple[Look, ...]:
    """The looks of a race that is judged at any time: after every replicate from the first at which an arm can leave,
    each at the whole level, as e-processes bound the errors of all looks together.

    Raises:
        UsageError: as `plan_race`.
    """
    plan_race(replicates, arms, level=level)
    first = min(replicates, fewest_to_exclude(level / (arms - 1)))
    return tuple(Look(size, level) for size in range(first, replicates + 1))


def smallest_one_sided_p(n: int) -> float:
    """The smallest p-value that a one-sided sign-flip test of n replicates can give."""
    return 1.0 / min(1 << n, RESAMPLES + 1)


def race(
    arms: Sequence[ArmScores],
    looks: Sequence[Look],
    margin: float,
    *,
    taken: int,
    maximize: bool = True,
    seed: int = 0,
    anytime: bool = False,
) -> Race:
    """The race as it is after the first `taken` of its looks, of which each uses only the replicates before its number.

    An `anytime` race is judged by e-processes, at looks as `plan_anytime_race` makes them. The same scores, looks and
    seed give the same race, also when more replicates have been trained since.

    Raises:
        UsageError: the arms can't be compared (see `check_arms`), or the margin isn't positive.
    """
    check_arms(arms)
    check_margin(margin)
    left = [arm.name for arm in arms]
    leavers = list[Leaver]()
    end: RaceEnd | None = None
    for look in looks[:taken]:
        seen = {arm.name: up_to(arm, look.replicates) for arm in arms if arm.name in left}
        bet_on = margin if anytime else None
        found = leaving(seen, look, rivals=len(arms) - 1, maximize=maximize, seed=seed, bet_on=bet_on)
        leavers += found
        left = [name for name in left if name not in {leaver.name for leaver in found}]
        end = ending([seen[name] for name in left], look, margin, seed, anytime=anytime)
        if end is not None:
            break
    spent = RaceEnd.SPENT if look == looks[-1] else None
    return Race(tuple(left), tuple(leavers), look.replicates, end or spent)


def up_to(arm: ArmScores, replicates: int) -> ArmScores:
    """The arm with its first replicates alone."""
    return ArmScores(arm.name, {n: score for n, score in arm.scores.items() if n < replicates}, arm.images)


def leaving(
    arms: Mapping[str, ArmScores],
    look: Look,
    *,
    rivals: int,
    maximize: bool,
    seed: int,
    bet_on: float | None = None,
) -> list[Leaver]:
    """The arms that are shown worse than another at a look, each with the rival that shows it most clearly: by tests,
    or by e-processes if a margin to bet on is given.
    """
    shown = dict[str, Leaver]()
    for (place, first), second in ((one, other) for one in enumerate(arms.values()) for other in arms.values()):
        if first.name == second.name:
            continue
        ahead = differences(second, first) if maximize else differences(first, second)
        rng = np.random.default_rng([seed, look.replicates, place])
        if bet_on is None:
            p = p_worse(ahead, look.level / rivals, rng, step=step_of(first, second))
        else:
            p = p_above(ahead, bet_on)[-1] if ahead.size else np.ones(())
        known = shown.get(first.name)
        if p * rivals <= look.level and (known is None or p * rivals < known.p):
            shown[first.name] = Leaver(first.name, second.name, look.replicates, float(p * rivals), look.level)
    return list(shown.values())


def p_worse(
    ahead: FloatArray,
    level: float,
    rng: np.random.Generator,
    *,
    step: float = SMALLEST_STEP,
    resamples: int = RESAMPLES,
) -> FloatArray:
    """The p-values that rivals which are `ahead` of an arm by differences of shape (..., n) aren't better than it.

    1 where there are too few differences, or Student's interval at the level doesn't exclude 0: a claim needs both.
    """
    n = ahead.shape[-1]
    if n < FEWEST_REPLICATES:
        return np.ones(ahead.shape[:-1])
    low, _ = student(ahead.mean(axis=-1), standard_error(ahead), n - 1, 1 - 2 * level)
    p = sign_flip(np.rint(ahead / step), rng, alternative="greater", resamples=resamples)
    return np.asarray(np.where(low > 0, p, 1.0))


def ending(left: Sequence[ArmScores], look: Look, margin: float, seed: int, *, anytime: bool = False) -> RaceEnd | None:
    """Why the race is over after a look with these arms left, None if it isn't but for the replicates."""
    if len(left) == 1:
        return RaceEnd.ONE_LEFT
    if anytime:
        values = [differences(*pair) for pair in combinations(left, 2)]
        weighed = [weigh_anytime(one, margin) for one in values]
        same = decide_anytime(values, weighed, margin, look.level).equivalent
        return RaceEnd.EQUIVALENT if same.all() else None
    evidence = [
        weigh(differences(first, second), margin, np.random.default_rng([seed, place]), step=step_of(first, second))
        for place, (first, second) in enumerate(combinations(left, 2))
    ]
    return RaceEnd.EQUIVALENT if decide(evidence, margin, look.level).equivalent.all() else None
