"""MLflow: an experiment for the study, a run for each trial, with its parameters and its scores after each epoch."""

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

from search.trackers.tracker import EndedTrial, missing
from spaces.epoch_scores import EpochScores

# MLflow's telemetry is off unless the user sets this variable to false.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
try:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient
except ImportError as error:
    raise missing("--mlflow", "mlflow-skinny") from error

SCORES = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds", "learning_rate")
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "diverged": "KILLED", "infeasible": "KILLED", "failed": "FAILED"}
TRIAL_TAG = "search.trial"
STAMP_TAG = "search.study"
LONGEST_TAG = 5000


class Mlflow:
    """Runs on a tracking server or in a database, such as sqlite:///mlflow.db. Interrupted runs are continued.

    Runs belong to the study if they have its stamp: an earlier study of the name may have left others in the
    experiment.
    """

    def __init__(self, uri: str, study_name: str, stamp: str) -> None:
        self._stamp = stamp
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it logs which tables it creates
        self._client = MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(study_name)
        self._experiment = found.experiment_id if found is not None else self._client.create_experiment(study_name)
        self._runs: dict[int, str] = {}

    def begin(self, number: int) -> int | None:
        tags = {TRIAL_TAG: str(number), STAMP_TAG: self._stamp}
        mine = " AND ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        runs = self._client.search_runs([self._experiment], mine)
        if not runs:
            run = self._client.create_run(self._experiment, tags=tags, run_name=f"trial {number}")
            self._runs[number] = run.info.run_id
            return 0
        self._runs[number] = runs[0].info.run_id
        if runs[0].info.status != "RUNNING":
            return None
        return len(self._client.get_metric_history(self._runs[number], "seconds"))

    def record(self, number: int, epochs: Sequence[EpochScores]) -> None:
        now = int(time.time() * 1000)
        scores = [(name, getattr(row, name), row.epoch) for row in epochs for name in SCORES]
        scores += [(name, value, row.epoch) for row in epochs for name, value in row.metrics.items()]
        metrics = [Metric(name, value, now, epoch) for name, value, epoch in scores if value is not None]
        self._client.log_batch(self._runs[number], metrics=metrics)

    def end(self, number: int, trial: EndedTrial) -> None:
        run = self._runs.pop(number)
        params = [Param(name, str(value)) for name, value in trial.params.items()]
        facts: dict[str, Any] = {"outcome": trial.outcome.state, **trial.attributes}
        tags = [RunTag(f"search.{name}", str(value)[:LONGEST_TAG]) for name, value in facts.items()]
        self._client.log_batch(run, params=params, tags=tags)
        self._client.set_terminated(run, STATUS[trial.outcome.state])

    def close(self) -> None:
        """Does nothing: each call has written its data."""
