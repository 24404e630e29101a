"""The importances that the dashboard shows: those of the report, instead of others that would contradict it."""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.web import answers

PATH = re.compile(r"/api/studies/(\d+)/param_importances")


class ReportImportances:
    """Answers for studies with one objective, and passes all other requests on; `storage` opens the database, None
    while it can't be read.
    """

    def __init__(self, app: WSGIApplication, storage: Callable[[], BaseStorage | None]) -> None:
        self._app = app
        self._storage = storage
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, list[dict[str, Any]]]] = {}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        asked = PATH.fullmatch(environ.get("PATH_INFO", ""))
        storage = self._storage() if asked is not None else None
        if asked is None or storage is None:
            return self._app(environ, start)
        study_id = int(asked[1])
        try:
            directions = storage.get_study_directions(study_id)
            trials = storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        except KeyError:
            return self._app(environ, start)  # which says that there is no such study
        if len(directions) != 1:
            return self._app(environ, start)
        return answers.json(start, "200 OK", {"param_importances": [self._found(study_id, trials, directions[0])]})

    def _found(self, study_id: int, trials: Sequence[FrozenTrial], direction: StudyDirection) -> list[dict[str, Any]]:
        """The study's importances, computed again only if a trial has completed since."""
        state = hash(tuple((trial.number, trial.value) for trial in trials))
        with self._lock:
            known = self._known.get(study_id)
            if known is None or known[0] != state:
                known = self._known[study_id] = state, importances(trials, direction)
            return known[1]


def importances(trials: Sequence[FrozenTrial], direction: StudyDirection) -> list[dict[str, Any]]:
    """The importances in the dashboard page's format; empty if the report has none."""
    from search.views.importances import find_importances  # which imports scikit-learn

    kinds = {name: type(of).__name__ for trial in trials for name, of in trial.distributions.items()}
    found = find_importances(trials, direction)
    return [{"name": name, "importance": share, "distribution": kinds[name]} for name, share in found.shares]
