"""The trials of a study: as Optuna knows them, and what is written into them under a lease."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import optuna
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.trial import FrozenTrial, TrialState

from storage.fence import FencedTrials
from storage.guarded import GuardedStorage
from storage.history import HistoryStorage, TrialHistory
from storage.identity import StudyKey
from storage.ledger import Ledger
from storage.trial_ids import TrialIds


@dataclass(frozen=True)
class Trials:
    """The trials of one study.

    `study` is Optuna's, on `storage`, which is cached; `ids` are what the storage calls trials. Samplers read
    `history`, and pruners `pruning_study`, the same study on it. `fenced` is what a lease's holder writes with. Neither
    study has the sampler or pruner of the search: those belong to the worker that draws or judges.

    Whatever is done with them raises StorageUnreachable if the database doesn't answer, and StudyNotFound if the study
    was deleted.
    """

    study: optuna.Study
    pruning_study: optuna.Study
    storage: BaseStorage
    ids: TrialIds
    history: TrialHistory
    fenced: FencedTrials

    def get(self, number: int) -> FrozenTrial:
        """The trial of that number, as it is stored.

        Raises:
            KeyError: there is no such trial.
        """
        return self.storage.get_trial(self.ids[number])

    def judged(self, number: int) -> FrozenTrial:
        """The trial of that number as pruners look at it, in fewer queries.

        Raises:
            KeyError: there is no such trial.
        """
        try:
            return self.history.one(self.ids[number], with_curve=True)
        except KeyError:
            return self.get(number)  # it says whether the study was deleted

    def all(self, states: Iterable[TrialState] | None = None) -> list[FrozenTrial]:
        """All trials by number, those of other programs too; with `states`, those in one of them. No caller may change
        them.
        """
        return self.study.get_trials(deepcopy=False, states=None if states is None else tuple(states))

    def resume(self, number: int) -> optuna.Trial:
        """The trial of that number, to continue: what it was suggested before, it is suggested again.

        Raises:
            KeyError: there is no such trial.
        """
        return optuna.Trial(self.study, self.ids[number])


def attach_trials(rdb: RDBStorage, study_name: str, key: StudyKey) -> Trials:
    """The trials of a study that exists."""
    # The cache around it is what Optuna's own functions use when they get a URL.
    guarded = cast("BaseStorage", GuardedStorage(get_storage(rdb), rdb, key))
    history, ids = TrialHistory(rdb.engine, key.study_id), TrialIds(guarded, key.study_id)
    remembered = cast("BaseStorage", HistoryStorage(guarded, history.trials))
    return Trials(
        study=optuna.load_study(study_name=study_name, storage=guarded),
        pruning_study=optuna.load_study(study_name=study_name, storage=remembered),
        storage=guarded,
        ids=ids,
        history=history,
        fenced=FencedTrials(rdb, Ledger(rdb.engine, key), key, ids),
    )
