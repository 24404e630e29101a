"""Ablation: which of the settings in which two configurations differ made the difference, one after the other.

Fawcett and Hoos (2016). From the first configuration on, each round changes the one setting whose change gives the best
mean, until all are as in the second. A mean that was the highest of several is too high, so that the order is chosen on
half of the replicates, and the effect of each of its steps is estimated on the other half: there, the path is as if it
had been given.

A configuration is a whole number, whose bit i says whether setting i is as in the second one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.statistics.comparing import LEVEL
from search.statistics.intervals import ConfidenceInterval, student_interval
from search.statistics.scores import FEWEST_REPLICATES, ArmScores, BoolArray, FloatArray, differences, step_of
from search.statistics.screening import Effect, effects_of
from search.statistics.verdict import Verdict, decide, weigh

# With more, the first rounds take most of the trainings.
MOST_SETTINGS = 7


@dataclass(frozen=True)
class Whole:
    """What all steps together did, from the first configuration to the second: the mean of n differences, with its 95 %
    interval by itself.
    """

    n: int
    effect: float
    interval: ConfidenceInterval


@dataclass(frozen=True)
class AblationAnswer:
    """The path as far as it is known, as numbers of settings, and what is estimated of it: `steps` has the effect of
    each setting's change, in the path's order, given those before it; empty while they can't be estimated.
    """

    path: tuple[int, ...]
    steps: tuple[Effect, ...] = ()
    whole: Whole | None = None

    @property
    def decided(self) -> bool:
        """Whether each step matters or is known not to."""
        return bool(self.steps) and all(step.verdict is not Verdict.UNDECIDED for step in self.steps)


def choose_path(scores: FloatArray, trained: BoolArray, settings: int, *, maximize: bool) -> tuple[int, ...]:
    """The order of the settings, as far as the rounds are `trained`, of shape (configurations,): all of its replicates.

    `scores` of shape (replicates, configurations) are those of the choosing half, NaN where a training failed: then the
    others count; a configuration without any score is chosen last. Of equals, the first setting is.
    """
    path = list[int]()
    while len(path) < settings - 1:
        free, columns = next_round(path, settings)
        if not trained[columns].all():
            return tuple(path)
        path.append(free[int(np.argmax([mean_or_worst(scores[:, column], maximize=maximize) for column in columns]))])
    return (*path, *(setting for setting in range(settings) if setting not in path))


def next_round(path: Sequence[int], settings: int) -> tuple[list[int], list[int]]:
    """The settings that may be changed next, and the configurations in which each of them is."""
    free = [setting for setting in range(settings) if setting not in path]
    return free, [configuration_after(path) | 1 << setting for setting in free]


def configuration_after(path: Sequence[int]) -> int:
    """The configuration in which these settings are changed."""
    return sum(1 << setting for setting in path)


def along(path: Sequence[int]) -> list[int]:
    """The configurations of a path, from the first to the last."""
    return [configuration_after(path[:length]) for length in range(len(path) + 1)]


def mean_or_worst(values: FloatArray, *, maximize: bool) -> float:
    """The mean of the scores that there are, turned round where less is better."""
    known = values[~np.isnan(values)]
    if not known.size:
        return -np.inf
    return float(known.mean()) if maximize else -float(known.mean())


def estimate_path(
    arms: Sequence[ArmScores],
    path: tuple[int, ...],
    names: Sequence[str],
    margin: float,
    *,
    maximize: bool = True,
    level: float = LEVEL,
    seed: int = 0,
) -> AblationAnswer:
    """What each step does, from the scores of the path's configurations on the estimating half, `arms`; `names` are
    those of all settings. Verdicts are corrected for all steps (Holm), and are on the changed configuration.
    """
    pairs = list(zip(arms[1:], arms[:-1], strict=True))
    values = [differences(after, before) for after, before in pairs]
    if any(one.size < FEWEST_REPLICATES for one in values):
        return AblationAnswer(path)
    evidence = [
        weigh(one, margin, np.random.default_rng([seed, place]), step=step_of(*pairs[place]))
        for place, one in enumerate(values)
    ]
    decision = decide(evidence, margin, level)
    steps = effects_of(values, [((1.0, (names[setting],)),) for setting in path], decision, maximize=maximize)
    return AblationAnswer(path, steps, whole_of(differences(arms[-1], arms[0])))


def whole_of(values: FloatArray) -> Whole | None:
    """The mean with its interval, None for fewer than two values."""
    interval = student_interval(values)
    return None if interval is None else Whole(values.size, float(values.mean()), interval)


def trainings_at_most(settings: int, replicates: int) -> int:
    """How many trainings an ablation takes: the rounds on the choosing half, the path on the other."""
    choosing = replicates // 2
    return choosing * (settings * (settings + 1) // 2 - 1) + (replicates - choosing) * (settings + 1)
