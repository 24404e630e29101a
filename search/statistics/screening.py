"""Screening: which of many settings matter, each at two levels, from a fold-over of a Plackett-Burman design.

Plackett and Burman (1946) give orthogonal columns of -1 and +1, as many as there are runs: a column is a setting, a row
a configuration. Every run is used for every setting, so that its effect is estimated as exactly as if nothing else had
been varied. Such a design by itself takes an interaction of two settings for the effect of a third; its fold-over (Box
and Wilson 1951), the same runs with all signs turned round, doesn't: in the difference between a run and its mirror
image, interactions of two cancel out, and in their sum, main effects do. For 2, 3 and 4 settings these are the
factorial designs 2^2, 2^3 and 2^(4-1).

One number a replicate and setting is what the claims rest on. It is the mean of many trainings, nearly normal whatever
these are, so Student's test judges it: measured in docs/statistics.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from search.errors import UsageError
from search.statistics.comparing import LEVEL, check_level, check_margin, deviation_of, interval_at, verdict_at
from search.statistics.intervals import ConfidenceInterval, standard_error, student_interval
from search.statistics.scores import DECIMALS, FEWEST_REPLICATES, FloatArray, IntArray
from search.statistics.verdict import Decision, Evidence, Verdict, decide

# The first rows of the designs for 2, 4, 8 and 12 runs, without the column of ones: each further row is the one before,
# shifted by one, and the last is all -1.
GENERATORS = (
    (1,),
    (1, 1, -1),
    (1, 1, 1, -1, 1, -1, -1),
    (1, 1, -1, 1, 1, 1, -1, -1, -1, 1, -1),
)
FEWEST_SETTINGS, MOST_SETTINGS = 2, 12
# With more of its cells missing, a design says too little of too few of its settings.
MOST_MISSING = 0.2

Terms = tuple[tuple[float, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Effect:
    """What changing a setting from its low level to its high one does, everything else averaged over; or what a sum of
    interactions does. In the scores' unit, positive if the score goes up.

    `terms` are the settings whose effect it is: one; of a sum of interactions all pairs in it, each with its share of
    the sum. `interval` is the 95 % interval by itself, `corrected` that at the level of Holm's procedure; `p` and
    `p_equivalence` are corrected. The verdict is that on the high level compared with the low one.
    """

    terms: Terms
    n: int
    effect: float
    deviation: float
    interval: ConfidenceInterval
    corrected: ConfidenceInterval
    p: float
    p_equivalence: float
    verdict: Verdict

    @property
    def name(self) -> str:
        """The setting; of a sum of interactions, its pairs: a x b - c x d."""
        first, *others = self.terms
        added = [f"{'-' if share < 0 else '+'} {' x '.join(names)}" for share, names in others]
        return " ".join([" x ".join(first[1]), *added])


@dataclass(frozen=True)
class ScreeningAnswer:
    """The effect of each setting, and of the sums of their interactions.

    `left_out` are the replicates of which too many cells are missing. `missing` is the share of all cells that are.
    """

    settings: tuple[str, ...]
    effects: tuple[Effect, ...]
    interactions: tuple[Effect, ...]
    margin: float
    left_out: tuple[int, ...]
    missing: float

    @property
    def decided(self) -> bool:
        """Whether each setting matters or is known not to."""
        return bool(self.effects) and all(effect.verdict is not Verdict.UNDECIDED for effect in self.effects)


def base_design(settings: int) -> IntArray:
    """The Plackett-Burman design for that many settings: shape (runs, runs), of -1 and 1, the first columns those of
    the settings. The last column is of ones: a setting there, too, is told from the mean by the fold-over.

    Raises:
        UsageError: fewer than 2 settings, or more than 12.
    """
    if not FEWEST_SETTINGS <= settings <= MOST_SETTINGS:
        raise UsageError(f"{settings} settings: a screening takes {FEWEST_SETTINGS} to {MOST_SETTINGS}")
    generator = next(row for row in GENERATORS if len(row) + 1 >= settings)
    shifted = [np.roll(generator, shift) for shift in range(len(generator))]
    rows = np.vstack([*shifted, np.full(len(generator), -1)])
    return np.hstack([rows, np.ones((len(rows), 1))]).astype(int)


def fold_over(settings: int) -> IntArray:
    """The levels of all configurations, -1 low and 1 high: shape (runs, settings), of 4 runs for 2 settings, 8 up to 4,
    16 up to 8, 24 up to 12. The second half is the first with all signs turned round.

    Raises:
        UsageError: as `base_design`.
    """
    half = base_design(settings)[:, :settings]
    return np.vstack([half, -half])


def screen(
    scores: FloatArray,
    settings: Sequence[str],
    margin: float,
    *,
    maximize: bool = True,
    level: float = LEVEL,
) -> ScreeningAnswer:
    """What each setting does, from scores of shape (replicates, configurations): rows of `fold_over`. A cell without a
    score is NaN.

    A replicate says something if its cells determine all effects and at most a fifth of them are missing.

    Raises:
        UsageError: too few or too many settings, or the margin or the level isn't one.
    """
    check_margin(margin)
    check_level(level)
    design = base_design(len(settings))
    absent = np.isnan(scores)
    known = [row for row in range(len(scores)) if is_usable(scores[row], design[:, : len(settings)])]
    left_out = tuple(row for row in range(len(scores)) if row not in known)
    missing = float(absent.mean()) if absent.size else 1.0
    nothing = ScreeningAnswer(tuple(settings), (), (), margin, left_out, missing)
    if missing > MOST_MISSING or len(known) < FEWEST_REPLICATES:
        return nothing
    main = np.array([main_effects(scores[row], design[:, : len(settings)]) for row in known])
    whole = scores[~absent.any(axis=1)]
    sums = interaction_terms(design, settings)
    mixed = np.array([interaction_sums(row, np.array(list(sums))) for row in whole])
    return ScreeningAnswer(
        tuple(settings),
        judged(main, [((1.0, (name,)),) for name in settings], margin, maximize=maximize, level=level),
        judged(mixed, list(sums.values()), margin, maximize=maximize, level=level)
        if len(whole) >= FEWEST_REPLICATES
        else (),
        margin,
        left_out,
        missing,
    )


def is_usable(row: FloatArray, signs: IntArray) -> bool:
    """Whether a replicate's cells determine every setting's effect."""
    if np.isnan(row).mean() > MOST_MISSING:
        return False
    return bool(np.linalg.matrix_rank(signs[complete_pairs(row)]) == signs.shape[1])


def complete_pairs(row: FloatArray) -> IntArray:
    """The runs of the base design of which both the cell and its mirror image have a score."""
    half = len(row) // 2
    return np.flatnonzero(~np.isnan(row[:half]) & ~np.isnan(row[half:]))


def main_effects(row: FloatArray, signs: IntArray) -> FloatArray:
    """High minus low of each setting, of one replicate: by least squares over the differences of mirror images, in
    which no interaction of two settings is left. Shape (settings,).
    """
    half, there = len(row) // 2, complete_pairs(row)
    odd = (row[there] - row[there + half]) / 2
    found, *_ = np.linalg.lstsq(signs[there] / 2, odd, rcond=None)
    return np.round(found, DECIMALS)


def interaction_sums(row: FloatArray, columns: IntArray) -> FloatArray:
    """What the sums of mirror images say of columns of shape (columns, runs): interactions, and no main effect. Shape
    (columns,).
    """
    half = len(row) // 2
    return np.round(columns @ (row[:half] + row[half:]) / half, DECIMALS)


def interaction_terms(design: IntArray, settings: Sequence[str]) -> dict[tuple[int, ...], Terms]:
    """The columns of the design in whose sums interactions are, and these with their shares of it. A column has its
    signs turned round where the first share would be negative.
    """
    found = dict[tuple[int, ...], Terms]()
    for column in design.T[:-1]:  # the ones are the mean of all
        shares = [
            (float(column @ (design[:, one] * design[:, other])) / len(design), (settings[one], settings[other]))
            for one, other in combinations(range(len(settings)), 2)
        ]
        if terms := [(share, names) for share, names in shares if share]:
            sign = 1 if terms[0][0] > 0 else -1
            found[tuple(sign * int(value) for value in column)] = tuple((sign * share, names) for share, names in terms)
    return found


def judged(
    values: FloatArray,
    terms: Sequence[Terms],
    margin: float,
    *,
    maximize: bool,
    level: float,
) -> tuple[Effect, ...]:
    """The verdicts on effects of shape (replicates, effects), corrected for all of them."""
    columns = [values[:, place] for place in range(values.shape[1])]
    decision = decide([weigh_by_student(column, margin) for column in columns], margin, level)
    return effects_of(columns, terms, decision, maximize=maximize)


def effects_of(
    columns: Sequence[FloatArray], terms: Sequence[Terms], decision: Decision, *, maximize: bool
) -> tuple[Effect, ...]:
    """The effects, each from its values, one a replicate, as the decision on all of them has it."""
    return tuple(
        Effect(
            terms=term,
            n=column.size,
            effect=float(column.mean()),
            deviation=deviation_of(column) or 0.0,
            interval=student_interval(column) or interval_at(decision, place),
            corrected=interval_at(decision, place),
            p=float(decision.p_difference[place]),
            p_equivalence=float(decision.p_equivalence[place]),
            verdict=verdict_at(decision, place, maximize=maximize),
        )
        for place, (column, term) in enumerate(zip(columns, terms, strict=True))
    )


def weigh_by_student(values: FloatArray, margin: float) -> Evidence:
    """The evidence of values of shape (..., n), n at least 2, by Student's test and two one-sided ones of it."""
    mean, error, df = values.mean(axis=-1), standard_error(values), values.shape[-1] - 1
    return Evidence(
        mean=mean,
        error=error,
        df=df,
        p_difference=2 * tail(np.abs(mean), error, df),
        p_equivalence=np.maximum(tail(margin - mean, error, df), tail(margin + mean, error, df)),
    )


def tail(distance: FloatArray, error: FloatArray, df: int) -> FloatArray:
    """The probability that a mean is at least this far above the truth; where no value differs from another, 0 if it is
    above it at all, else 1/2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = stats.t.sf(distance / error, df)
    return np.asarray(np.where(np.asarray(error) > 0, found, np.where(np.asarray(distance) > 0, 0.0, 0.5)))
