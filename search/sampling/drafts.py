"""A trial whose parameters are drawn from one look at the study's history, and written all at once."""

import copy
from collections.abc import Callable, Container, Sequence
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from storage import SharedStudy
from storage.fence import Parameter

Thin = Callable[[Sequence[FrozenTrial]], list[FrozenTrial]]


class DraftStorage:
    """Optuna's storage for one trial that is being drawn: the history is read once, however often a sampler asks for
    it, and `thin` says what of it the sampler gets to see; the trial's parameters are collected.
    """

    def __init__(self, storage: BaseStorage, thin: Thin) -> None:
        self._storage = storage
        self._thin = thin
        self._history: list[FrozenTrial] | None = None
        self.draft: list[Parameter] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The history, as it was when it was first asked for."""
        if self._history is None:
            self._history = self._thin(self._storage.get_all_trials(study_id, deepcopy=False))
        found = [trial for trial in self._history if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def set_trial_param(self, _trial_id: int, name: str, value: float, distribution: BaseDistribution) -> None:
        """Keeps a parameter back. Optuna's trial remembers by itself what it was given."""
        self.draft.append(Parameter(name, value, distribution))


def draft_trial(shared: SharedStudy, number: int, thin: Thin = list) -> tuple[Trial, list[Parameter]]:
    """The trial of that number to be asked for parameters, and the list to which those that are new are added.

    Raises:
        KeyError: there is no such trial.
    """
    storage = DraftStorage(shared.storage, thin)
    drawn = optuna.load_study(
        study_name=shared.name,
        storage=cast("BaseStorage", storage),
        sampler=shared.study.sampler,
        pruner=shared.study.pruner,
    )
    trial_id = shared.storage.get_trial_id_from_study_id_trial_number(shared.study_id, number)
    return Trial(drawn, trial_id), storage.draft
