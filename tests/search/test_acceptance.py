"""The command that the project is for, as a newcomer types it, judged by plain Optuna and by what it leaves behind."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.helpers.launches import StartLaunch

COMMAND = (
    *("--space", "bn_dropout", "--storage", "sqlite:///x.db", "--study-name", "demo"),
    *("--n-trials", "12", "--epochs", "5", "--n-workers", "2", "--seed", "1", "-f", "json"),
)


@dataclass(frozen=True)
class Searched:
    """A finished search: its folder, exit code, and what it printed where."""

    folder: Path
    code: int
    printed: str
    errors: str

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'x.db'}"

    @property
    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="demo", storage=self.url)


@pytest.fixture
def searched(launch: StartLaunch) -> Searched:
    running = launch(*COMMAND, own_server=True)
    printed = running.finish()
    return Searched(running.folder, running.code, printed, running.errors)


def test_the_search_ends_with_one_json_document_and_a_study_that_plain_optuna_understands(searched: Searched) -> None:
    """One test for all that can be seen of one search, which takes half a minute."""
    assert searched.code == 0, searched.errors
    document = json.loads(searched.printed)
    assert {"study_name", "storage", "trials", "best", "duration_s"} <= document.keys()
    assert (document["study_name"], document["storage"]) == ("demo", "sqlite:///x.db")
    assert sum(document["trials"].values()) == 12
    require_twelve_trials(searched.study, document)
    require_best(searched.study, document["best"])
    require_test_score(document)
    require_no_rubbish(searched.folder / "x-artifacts")
    assert "Traceback" not in searched.errors


def require_twelve_trials(study: optuna.Study, document: dict[str, Any]) -> None:
    trials = study.get_trials()
    assert [trial.number for trial in trials] == list(range(12))
    assert all(trial.state.is_finished() for trial in trials)
    assert len({trial.user_attrs["slot"] for trial in trials}) == 12
    counted = document["trials"]
    assert counted["complete"] == sum(trial.state is TrialState.COMPLETE for trial in trials)
    assert counted["pruned"] + counted["diverged"] == sum(trial.state is TrialState.PRUNED for trial in trials)
    for trial in trials:
        assert list(trial.intermediate_values) == list(range(1, trial.user_attrs["epochs"] + 1))


def require_best(study: optuna.Study, best: dict[str, Any]) -> None:
    assert best == {
        "number": study.best_trial.number,
        "value": study.best_value,
        "params": study.best_params,
        "epochs": 5,
        "metrics": {},
    }
    assert best["value"] > 0.9


def require_test_score(document: dict[str, Any]) -> None:
    assert document["test"]["trial"] == document["best"]["number"]
    assert document["test"]["n"] == 359
    assert document["test"]["accuracy"] > 0.85


def require_no_rubbish(artifacts: Path) -> None:
    assert not list((artifacts / "demo").rglob("slots"))
    models = [path for path in (artifacts / "models").iterdir() if zipfile.is_zipfile(path)]  # others are of all trials
    assert 1 <= len(models) <= 3
    assert not list(artifacts.rglob("*.part*"))
