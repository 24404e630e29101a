"""A sampler of one slot, whose proposals depend only on the study's history and on seeds."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState


class SlotSampler(BaseSampler):
    """Proposes the parameters of one slot, each as if it were the first.

    Optuna's samplers continue their random sequence from parameter to parameter. A trial whose worker was killed
    between two of them would get other parameters than an uninterrupted one. So each parameter gets its own sampler:
    `make` gets the numbers that distinguish its seed from those of the slot's other parameters.
    """

    def __init__(self, make: Callable[..., BaseSampler]) -> None:
        self._make = make
        self._relative: BaseSampler | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        self._relative = self._make()  # some remember how they came to the space
        return self._relative.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        sampler, self._relative = self._relative, None
        if sampler is None:
            sampler = self._make()
            sampler.infer_relative_search_space(study, trial)
        return sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        sampler = self._make(zlib.crc32(param_name.encode()))
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._make().before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._make().after_trial(study, trial, state, values)
