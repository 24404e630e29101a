"""What the trials of a search show about each parameter, and no more.

Most trials of a search are pruned, and the completed ones are a selection; comparing their means would compare
selections. But all trials have a rank by how far they got. So each choice is judged by how many of its trials are in
the best quarter of all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.distributions import CategoricalDistribution

from search.sampling.ranking import rank_key
from search.views.facts import State, TrialFacts
from search.views.proportion import wilson_interval
from storage.objective import Objective

JUDGED: frozenset[State] = frozenset({"complete", "pruned", "diverged"})  # failed ones say nothing of parameters
BEST_SHARE = 0.25
FEWEST = 12


@dataclass(frozen=True)
class ChoiceScore:
    """One choice: of `n` trials with it, `best` are in the best quarter of all; [`low`, `high`] is the 95 % interval of
    that share.
    """

    choice: str
    n: int
    best: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of its trials that are in the best quarter."""
        return self.best / self.n


@dataclass(frozen=True)
class Lesson:
    """One parameter: the scores of its choices, best first, or the range of the best quarter's values."""

    parameter: str
    choices: tuple[ChoiceScore, ...] = ()
    best_range: tuple[float, float] | None = None


def lessons(trials: Sequence[TrialFacts], goal: Objective) -> tuple[Lesson, ...]:
    """What the trials say about each of their parameters; nothing where fewer than 12 were judged by their scores."""
    ranked = ranking(trials, goal)
    if len(ranked) < FEWEST:
        return ()
    best = best_quarter(ranked)
    names = dict.fromkeys(name for trial in ranked for name in trial.distributions)
    return tuple(lesson(name, [trial for trial in ranked if name in trial.params], best) for name in names)


def ranking(trials: Sequence[TrialFacts], goal: Objective) -> list[TrialFacts]:
    """The completed and the pruned trials, best first."""

    def key(trial: TrialFacts) -> tuple[bool, int, float, int]:
        return rank_key(goal, complete=trial.complete, epochs=trial.epochs, value=trial.value, number=trial.number)

    return sorted((trial for trial in trials if trial.state in JUDGED), key=key)


def best_quarter(ranked: Sequence[TrialFacts]) -> set[int]:
    """The numbers of the best quarter of trials that are given best first."""
    return {trial.number for trial in ranked[: math.ceil(len(ranked) * BEST_SHARE)]}


def lesson(name: str, ranked: Sequence[TrialFacts], best: set[int]) -> Lesson:
    """What the trials that have the parameter say about it."""
    if isinstance(ranked[0].distributions[name], CategoricalDistribution):
        choices = dict.fromkeys(trial.params[name] for trial in ranked)
        scores = [choice_score(name, choice, ranked, best) for choice in choices]
        return Lesson(name, tuple(sorted(scores, key=lambda score: (-score.share, -score.n))))
    values = [trial.params[name] for trial in ranked if trial.number in best]
    return Lesson(name, best_range=(min(values), max(values)) if values else None)


def choice_score(name: str, choice: object, ranked: Sequence[TrialFacts], best: set[int]) -> ChoiceScore:
    """How often trials with one choice are among the best; the interval is Wilson's (1927)."""
    having = [trial.number for trial in ranked if trial.params[name] == choice]
    hits = len(best.intersection(having))
    return ChoiceScore(str(choice), len(having), hits, *wilson_interval(hits / len(having), len(having)))
