"""The importances that the dashboard shows: those of the report, instead of others that would contradict it."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from search.web import answers
from storage.browsing import Browsing

PATH = re.compile(r"/api/studies/(\d+)/param_importances")


@dataclass(frozen=True)
class Completed:
    """A completed trial, as far as importances need it."""

    number: int
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    value: float | None


class ReportImportances:
    """Answers for studies with one objective, and passes all other requests on; `browsing` opens the database, None
    while it can't be read.
    """

    def __init__(self, app: WSGIApplication, browsing: Callable[[], Browsing | None]) -> None:
        self._app = app
        self._browsing = browsing
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, list[dict[str, Any]]]] = {}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        asked = PATH.fullmatch(environ.get("PATH_INFO", ""))
        browsing = self._browsing() if asked is not None else None
        if asked is None or browsing is None:
            return self._app(environ, start)
        study_id = int(asked[1])
        try:
            directions = browsing.storage.get_study_directions(study_id)
            trials = completed_trials(browsing, study_id) if len(directions) == 1 else []
        except KeyError:
            return self._app(environ, start)  # which says that there is no such study
        if len(directions) != 1:
            return self._app(environ, start)
        return answers.json(start, "200 OK", {"param_importances": [self._found(study_id, trials, directions[0])]})

    def _found(self, study_id: int, trials: Sequence[Completed], direction: StudyDirection) -> list[dict[str, Any]]:
        """The study's importances, computed again only if a trial has completed since."""
        state = hash(tuple((trial.number, trial.value) for trial in trials))
        with self._lock:
            known = self._known.get(study_id)
            if known is None or known[0] != state:
                known = self._known[study_id] = state, importances(trials, direction)
            return known[1]


def completed_trials(browsing: Browsing, study_id: int) -> list[Completed]:
    """The completed trials of a study, by number: those of its ledger, or all that another program's study has.

    Raises:
        KeyError: there is no such study.
    """
    trials, values = browsing.storage.get_all_trials(study_id, deepcopy=False), browsing.completed(study_id)
    known: Mapping[int, float | None] = (
        {trial.number: trial.value for trial in trials if trial.state is TrialState.COMPLETE}
        if values is None
        else values
    )
    own = [(trial, known[trial.number]) for trial in trials if trial.number in known]
    return [Completed(trial.number, trial.params, trial.distributions, value) for trial, value in own]


def importances(trials: Sequence[Completed], direction: StudyDirection) -> list[dict[str, Any]]:
    """The importances in the dashboard page's format; empty if the report has none."""
    from search.views.importances import find_importances  # which imports scikit-learn

    kinds = {name: type(of).__name__ for trial in trials for name, of in trial.distributions.items()}
    found = find_importances(trials, direction)
    return [{"name": name, "importance": share, "distribution": kinds[name]} for name, share in found.shares]
