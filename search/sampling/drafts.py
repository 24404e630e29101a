"""A trial's parameters, drawn from one look at the study's history, and kept back until they are written at once."""

import copy
from collections.abc import Callable, Container, Sequence
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from storage import SharedStudy
from storage.fence import Parameter

Thin = Callable[[Sequence[FrozenTrial]], list[FrozenTrial]]


class DraftStorage:
    """Optuna's storage for one trial that is being drawn: the history is read once, however often a sampler asks for
    it, and `thin` says what of it the sampler gets to see; the trial's parameters are collected.
    """

    def __init__(self, storage: BaseStorage, study_id: int, thin: Thin) -> None:
        self._storage = storage
        self._study_id = study_id
        self._thin = thin
        self._history: list[FrozenTrial] | None = None
        self._seen: list[FrozenTrial] | None = None
        self.draft: list[Parameter] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def history(self) -> list[FrozenTrial]:
        """All trials of the study, as they were when they were first asked for."""
        if self._history is None:
            self._history = self._storage.get_all_trials(self._study_id, deepcopy=False)
        return self._history

    def get_all_trials(
        self, _study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """What the sampler gets to see of them."""
        if self._seen is None:
            self._seen = self._thin(self.history())
        found = [trial for trial in self._seen if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def set_trial_param(self, _trial_id: int, name: str, value: float, distribution: BaseDistribution) -> None:
        """Keeps a parameter back. Optuna's trial remembers by itself what it was given."""
        self.draft.append(Parameter(name, value, distribution))


class Drafts:
    """Draws the parameters of the trial of that number, if need be more than once.

    Raises:
        KeyError: there is no such trial.
    """

    def __init__(self, shared: SharedStudy, number: int, thin: Thin = list) -> None:
        self._shared = shared
        self._trial_id = shared.storage.get_trial_id_from_study_id_trial_number(shared.study_id, number)
        self._storage = DraftStorage(shared.storage, shared.study_id, thin)
        self._number = number

    def begin(self, sampler: BaseSampler) -> tuple[Trial, list[Parameter]]:
        """The trial, to be asked for parameters, and the list to which those that are new are added."""
        self._storage.draft = []
        drawn = optuna.load_study(
            study_name=self._shared.name,
            storage=cast("BaseStorage", self._storage),
            sampler=sampler,
            pruner=self._shared.study.pruner,
        )
        return Trial(drawn, self._trial_id), self._storage.draft

    def others(self) -> list[FrozenTrial]:
        """All other trials of the study."""
        return [trial for trial in self._storage.history() if trial.number != self._number]
