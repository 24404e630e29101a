"""A trial whose parameters are kept back, to be written all at once."""

from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import Trial

from storage import SharedStudy
from storage.fence import Parameter


class DraftStorage:
    """Optuna's storage for one trial that is being drawn: reads go through, its parameters are collected."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.draft: list[Parameter] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_param(self, _trial_id: int, name: str, value: float, distribution: BaseDistribution) -> None:
        """Keeps a parameter back. Optuna's trial remembers by itself what it was given."""
        self.draft.append(Parameter(name, value, distribution))


def draft_trial(shared: SharedStudy, number: int) -> tuple[Trial, list[Parameter]]:
    """The trial of that number to be asked for parameters, and the list to which those that are new are added.

    Raises:
        KeyError: there is no such trial.
    """
    storage = DraftStorage(shared.storage)
    drawn = optuna.load_study(
        study_name=shared.name,
        storage=cast("BaseStorage", storage),
        sampler=shared.study.sampler,
        pruner=shared.study.pruner,
    )
    trial_id = shared.storage.get_trial_id_from_study_id_trial_number(shared.study_id, number)
    return Trial(drawn, trial_id), storage.draft
