"""How much of the differences between completed trials each parameter accounts for, for the report and the dashboard.

fANOVA (Hutter, Hoos and Leyton-Brown 2014), over the parameters that all completed trials have. Plain optuna-dashboard
computes PED-ANOVA instead, which measures something else: what distinguishes the best tenth of the trials.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection
from optuna.trial import create_trial

from search.views.lessons import FEWEST
from spaces.arms import ARM

SEED = 0
TREES = 32
MOST_TRIALS = 300


@dataclass(frozen=True)
class Importances:
    """Each parameter's share, the largest first; they add up to 1. `n` completed trials were compared.

    `missing` says why there are none.
    """

    shares: tuple[tuple[str, float], ...] = ()
    n: int = 0
    missing: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, the most important first."""
        return tuple(name for name, _ in self.shares)


class CompletedTrial(Protocol):
    """A completed trial, as far as it matters here."""

    @property
    def params(self) -> Mapping[str, Any]: ...

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]: ...

    @property
    def value(self) -> float | None: ...


def find_importances(trials: Sequence[CompletedTrial], direction: StudyDirection) -> Importances:
    """The importances in a study with these completed trials, given by number."""
    complete = [trial for trial in trials if trial.value is not None]
    n = len(complete)
    if complete and all(set(trial.params) == {ARM} for trial in complete):
        return Importances((), n, "A comparison has no importances: its arms are all that differs.")
    if n < FEWEST:
        return Importances((), n, f"Not computed: {n} completed trials are too few, it takes {FEWEST}.")
    if len({trial.value for trial in complete}) == 1:
        return Importances((), n, "Not computable: all completed trials have the same score.")
    # A sample of evenly many over the search: the forest's time grows with their number, what it says doesn't.
    chosen = complete[:: -(-n // MOST_TRIALS)]
    try:
        found = shares_of(chosen, direction)
    except (RuntimeError, ValueError) as error:
        return Importances((), n, f"Not computable: {error}")
    if not found:
        return Importances((), n, "Not computable: the completed trials have no parameter in common that varies.")
    return Importances(tuple((name, float(share)) for name, share in found.items()), len(chosen))


def shares_of(trials: Sequence[CompletedTrial], direction: StudyDirection) -> dict[str, float]:
    """What fANOVA says of these trials."""
    study = optuna.create_study(direction=direction)
    study.add_trials(
        create_trial(params=dict(trial.params), distributions=dict(trial.distributions), value=trial.value)
        for trial in trials
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=TREES, seed=SEED))
