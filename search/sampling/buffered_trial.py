"""A trial's parameters, drawn from one snapshot of the study's history, and buffered until they are written at once."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial

from storage import SharedStudy
from storage.history import HistoryStorage
from storage.trial_rows import Parameter

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

ANNOUNCED = ":relative_params"  # in the keys under which samplers tell other workers what they are about to draw

Subsample = Callable[[Sequence[FrozenTrial]], Sequence[FrozenTrial]]


class BufferedTrialStorage(HistoryStorage):
    """Optuna's storage for one trial that is being drawn: its parameters and the sampler's notes are collected."""

    def __init__(self, shared: SharedStudy, get_trials: Callable[[], Sequence[FrozenTrial]]) -> None:
        super().__init__(shared.trials.storage, get_trials)
        self._study_id = shared.study_id
        self._history = shared.trials.history
        self.parameters: list[Parameter] = []
        self.attributes: dict[str, Any] = {}

    def get_study_id_from_name(self, _study_name: str) -> int:
        """The known ID, without a query."""
        return self._study_id

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """The trial, in fewer queries."""
        try:
            return self._history.one(trial_id)
        except KeyError:
            found: FrozenTrial = self._storage.get_trial(trial_id)  # it says whether the study was deleted
            return found

    def set_trial_param(self, _trial_id: int, name: str, value: float, distribution: BaseDistribution) -> None:
        """Buffers a parameter. Optuna's trial itself remembers its parameters."""
        self.parameters.append(Parameter(name, value, distribution))

    def set_trial_system_attr(self, _trial_id: int, key: str, value: Any) -> None:
        """Buffers a system attribute. Samplers don't read those of the trial that they draw. Announcements of
        parameters are dropped, as other workers see all parameters at once.
        """
        if ANNOUNCED not in key:
            self.attributes[key] = value


class BufferedTrial:
    """Draws the parameters of the trial of that number, more than once if necessary. The study's history is read once,
    however often a sampler asks for it. `subsample` selects the trials that the sampler sees; with Hyperband as the
    `pruner`, it sees those of the same bracket.

    Raises:
        KeyError: there is no such trial.
    """

    def __init__(self, shared: SharedStudy, number: int, pruner: BasePruner, subsample: Subsample = list) -> None:
        self._shared = shared
        self._pruner = pruner
        self._number = number
        self._trial_id = shared.trials.ids[number]
        self._history = cache(shared.trials.history.trials)
        self._seen = cache(lambda: subsample(self._history()))

    def begin(self, sampler: BaseSampler) -> tuple[Trial, BufferedTrialStorage]:
        """The trial, to be asked for parameters, and where those that are new are collected."""
        buffer = BufferedTrialStorage(self._shared, self._seen)
        drawn = optuna.load_study(
            study_name=self._shared.name,
            storage=cast("BaseStorage", buffer),
            sampler=sampler,
            pruner=self._pruner,
        )
        return Trial(drawn, self._trial_id), buffer

    def others(self) -> list[FrozenTrial]:
        """All other trials of the study."""
        return [trial for trial in self._history() if trial.number != self._number]
