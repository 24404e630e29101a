"""What is added to optuna-dashboard's pages: importances that are the report's, and what its page doesn't say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import optuna
import pytest
from filled_comparison import filled_comparison
from filled_study import filled_study
from optuna.trial import create_trial

from search.views.facts import gather_facts
from search.views.importances import find_importances
from search.web.database import Database
from search.web.serving import DashboardOptions, assemble
from tests.helpers.requests import ask

IMPORTANCES = "/api/studies/{}/param_importances"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'search.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = Database(url)
    yield made
    made.close()


def dashboard(database: Database, url: str, **options: Any) -> WSGIApplication:
    return assemble(database, DashboardOptions(url, **options))


def test_the_importances_of_the_dashboard_are_those_of_the_report(database: Database, url: str) -> None:
    with filled_study(url, "filled", 60) as shared:
        own = gather_facts(shared).completed[0].frozen
        for value in (0.1, 0.9):  # another program's, which the report leaves out
            shared.study.add_trial(create_trial(value=value, params=own.params, distributions=own.distributions))
        facts, number = gather_facts(shared), shared.study_id
    [shown] = ask(dashboard(database, url), IMPORTANCES.format(number)).json["param_importances"]
    reported = find_importances(facts.completed, facts.direction)
    assert [(one["name"], one["importance"]) for one in shown] == list(reported.shares)
    assert {one["distribution"] for one in shown} == {"FloatDistribution", "CategoricalDistribution"}


def test_a_study_with_too_few_trials_or_equal_scores_has_none(database: Database, url: str) -> None:
    study = optuna.create_study(storage=url, study_name="few")
    app = dashboard(database, url)
    assert ask(app, IMPORTANCES.format(1)).json == {"param_importances": [[]]}
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * 0, n_trials=20)
    assert ask(app, IMPORTANCES.format(1)).json == {"param_importances": [[]]}


def test_a_comparison_has_none(database: Database, url: str) -> None:
    with filled_comparison(url, "arms") as shared:
        number = shared.study_id
    assert ask(dashboard(database, url), IMPORTANCES.format(number)).json == {"param_importances": [[]]}


def test_importances_follow_a_trial_that_is_completed(database: Database, url: str) -> None:
    study = optuna.create_study(storage=url, study_name="other")
    app = dashboard(database, url)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=11)
    assert ask(app, IMPORTANCES.format(1)).json == {"param_importances": [[]]}
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    [[only]] = ask(app, IMPORTANCES.format(1)).json["param_importances"]
    assert only == {"name": "x", "importance": 1.0, "distribution": "FloatDistribution"}


def test_a_study_that_is_not_there_or_has_two_objectives_is_the_dashboards_own_business(
    database: Database, url: str
) -> None:
    optuna.create_study(storage=url, study_name="two", directions=["minimize", "maximize"])
    app = dashboard(database, url)
    assert ask(app, IMPORTANCES.format(7)).status == 404
    assert ask(app, IMPORTANCES.format(1)).json == {"param_importances": [[], []]}


@pytest.mark.parametrize("edit", [False, True], ids=["only-shows", "edits"])
def test_a_page_says_what_it_is_and_hides_what_would_be_refused(database: Database, url: str, edit: bool) -> None:
    optuna.create_study(storage=url, study_name="mine")
    app = dashboard(database, url, allow_edit=edit)
    page = ask(app, "/dashboard/studies/1", if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT")
    assert page.status == 200  # whole, whatever the browser has kept of one that was served otherwise
    assert int(page.headers["Content-Length"]) == len(page.body)
    assert "Last-Modified" not in page.headers
    assert b"Hyperparameter importance: fANOVA as in the report" in page.body
    assert (b"This dashboard is read-only" in page.body) is not edit
    assert (b'[aria-label="delete study"]' in page.body) is not edit


def test_nothing_is_added_to_what_is_no_page(database: Database, url: str) -> None:
    optuna.create_study(storage=url, study_name="mine")
    app = dashboard(database, url)
    for path in ("/static/bundle.js", "/api/studies", "/dashboard-of-another"):
        assert b"explained" not in ask(app, path).body[-2000:]
