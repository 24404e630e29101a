"""The ids by which Optuna's storage knows a study's trials."""

from optuna.storages import BaseStorage


class TrialIds:
    """The ids of one study's trials, by number. Each is asked for once: a trial keeps its id."""

    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self._storage = storage
        self._study_id = study_id
        self._known: dict[int, int] = {}

    def __getitem__(self, number: int) -> int:
        """The id of the trial of that number.

        Raises:
            KeyError: there is no such trial.
            StudyNotFound: the study was deleted.
            StorageUnreachable: the database doesn't answer.
        """
        if number not in self._known:
            self._known[number] = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        return self._known[number]
