"""Screenings: which settings matter, carried out on a study's ledger with stubs for trainers."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from search.design.explaining import explanation_plan, run_explanation
from search.design.formats import results_text
from search.design.measured_cost import MeasuredCost
from search.design.options import ExplainOptions
from search.design.screened import Goal, recommend
from search.design.stored_result import comparison_of
from search.errors import UsageError
from search.report.comparison_page import comparison_page
from search.statistics import Verdict
from search.statistics.intervals import ConfidenceInterval
from search.statistics.screening import Effect, fold_over
from search.views.facts import gather_facts
from storage.comparison import TwoLevels
from tests.helpers.comparisons import Comparisons, scores_by_arm
from tests.helpers.paths import ROOT

SCHEMA = ROOT / "docs" / "schemas" / "compare.json"
NAME = "bn_dropout-digits-explain"
LEVELS = (
    "optimizer=adam,rmsprop",
    "learning_rate=0.001,0.003",
    "batch_norm=none,after_activation",
    "dropout_position=before_dense,after_pooling",
    "dropout_rate=0.2,0.5",
)
AROUND = ExplainOptions(space="bn_dropout", start="baseline:dropout", levels=LEVELS, epochs=1, seeds=3)


def explain(comparisons: Comparisons, options: ExplainOptions = AROUND) -> dict[str, Any]:
    [answer] = comparisons.answers(lambda: run_explanation(completed(comparisons, options), comparisons.dependencies()))
    jsonschema.validate({"comparisons": [answer]}, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return answer


def completed(comparisons: Comparisons, options: ExplainOptions) -> ExplainOptions:
    workers = replace(options.workers, artifacts=comparisons.folder / "artifacts")
    return replace(options, storage=comparisons.url, format_="json", workers=workers)


def plant(comparisons: Comparisons, *, lost: int | None = None) -> None:
    """Scores in which batch normalization is worth 4 points, a higher rate costs 2, and nothing else matters."""
    rows = fold_over(len(LEVELS))
    jitter = (0.0, 0.001, -0.001)
    scores = {
        arm: [0.8 + 0.02 * row[2] - 0.01 * row[1] + by * (-1) ** arm for by in jitter] for arm, row in enumerate(rows)
    }
    comparisons.acts = scores_by_arm(scores)
    if lost is not None:
        comparisons.acts[lost] = [{"fail": ["out_of_memory", "no memory left"]}] * 3


def test_settings_that_matter_are_told_from_those_that_dont(comparisons: Comparisons) -> None:
    plant(comparisons)
    answer = explain(comparisons)
    found = {setting["name"]: setting for setting in answer["settings"]}
    assert len(answer["arms"]) == 16
    assert found["batch_norm"]["effect"] == pytest.approx(0.04)
    assert found["learning_rate"]["effect"] == pytest.approx(-0.02)
    assert {name: one["verdict"] for name, one in found.items()} == {
        "optimizer": "equivalent",
        "learning_rate": "worse",
        "batch_norm": "better",
        "dropout_position": "equivalent",
        "dropout_rate": "equivalent",
    }
    recommended = {one["name"]: (one["value"], one["why"]) for one in answer["recommended"]}
    assert recommended["batch_norm"] == ("after_activation", "better")
    assert recommended["learning_rate"] == (0.001, "better")
    assert {why for _, why in recommended.values()} == {"better", "cheaper"}
    assert explain(comparisons) == answer


@pytest.mark.parametrize(
    ("span", "maximize", "recommended"),
    [
        ((-0.03, 0.004), True, ("low", "no_worse")),
        ((-0.03, 0.004), False, ("high", "no_worse")),
        ((-0.004, 0.03), True, ("high", "no_worse")),
        ((-0.004, 0.03), False, ("low", "no_worse")),
        ((-0.004, 0.004), True, ("low", "no_worse")),
        ((-0.03, 0.03), True, ("high", "undecided")),
    ],
)
def test_an_undecided_setting_gets_the_level_that_is_certainly_no_worse(
    span: tuple[float, float], maximize: bool, recommended: tuple[str, str]
) -> None:
    """The low level, which is cheaper, where that holds of both."""
    interval = ConfidenceInterval(*span, 0.99)
    effect = Effect((), 3, sum(span) / 2, 0.01, interval, interval, 0.5, 0.5, Verdict.UNDECIDED)
    costs = MeasuredCost(1000, 0.1), MeasuredCost(2000, 0.1)
    found = recommend(TwoLevels("rate", "low", "high"), effect, costs, Goal(0.005, maximize))
    assert (found.value, found.why) == recommended


def test_its_report_draws_the_effects_and_names_no_pair(comparisons: Comparisons) -> None:
    plant(comparisons)
    explain(comparisons)
    with comparisons.open(NAME) as shared:
        result = comparison_of(shared)
        assert result is not None
        page = comparison_page(gather_facts(shared), result)
    assert "Report on a screening" in page
    assert "batch_norm: matters: high is better." in page
    assert "Half-normal plot" in page
    assert "Differences of the pairs" not in page


def test_its_csv_has_a_line_a_setting_and_its_latex_the_tables(comparisons: Comparisons) -> None:
    plant(comparisons)
    explain(comparisons)
    with comparisons.open(NAME) as shared:
        result = comparison_of(shared)
    assert result is not None
    lines = list(csv.DictReader(io.StringIO(results_text([result], "csv"))))
    assert [(line["setting"], line["verdict"]) for line in lines[1:3]] == [
        ("learning_rate", "worse"),
        ("batch_norm", "better"),
    ]
    assert float(lines[2]["effect"]) == pytest.approx(0.04)
    assert "matters: high is better" in results_text([result], "latex")


def test_a_cell_that_fails_leaves_the_effects_unbiased(comparisons: Comparisons) -> None:
    plant(comparisons, lost=5)
    answer = explain(comparisons)
    found = {setting["name"]: setting["effect"] for setting in answer["settings"]}
    assert found["batch_norm"] == pytest.approx(0.04, abs=0.001)
    assert answer["missing"] == pytest.approx(1 / 48)
    assert [one["failed"][0]["reason"] for one in answer["arms"] if one["failed"]] == ["no memory left"]


def test_more_replicates_are_added_to_a_screening_that_is_there(comparisons: Comparisons) -> None:
    plant(comparisons)
    explain(comparisons)
    answer = explain(comparisons, replace(AROUND, seeds=4))
    assert answer["replicates"] == 4
    assert answer["wrong_verdict_at_most"] == pytest.approx(0.075)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": ()}, "no setting has two levels"),
        (
            {"levels": LEVELS[:1]},
            "optimizer is the only setting: compare its values with search.compare --axis optimizer",
        ),
        ({"levels": ("optimizer=adam",)}, "--levels optimizer=adam: give NAME=LOW,HIGH"),
        ({"levels": ("optimizer=adam,adam",)}, "both levels are adam"),
        ({"levels": ("optimizer=adam,lion",)}, "lion"),
        ({"levels": ("optimiser=adam,sgd",)}, "Did you mean 'optimizer'"),
        ({"levels": (LEVELS[0], LEVELS[0])}, "--levels gives optimizer twice"),
        ({"settings": ("momentum",)}, "--settings momentum: .* gives no two levels of it"),
        ({"seeds": 1}, "--seeds 1: one replicate doesn't show the spread"),
        ({"end": "best"}, "--to best names a trial of a search: give the --search"),
        ({"start": "trial:3"}, "--from trial:3 names a trial of a search"),
        (
            {"levels": ("dropout_position=none,before_dense", "dropout_rate=0.2,0.5")},
            "dropout_rate is only asked for where dropout_position is before_dense",
        ),
        (
            {"levels": ("dropout_position=none,before_dense", "optimizer=adam,momentum", "momentum=0.8,0.95")},
            "momentum is only asked for where optimizer is momentum",
        ),
    ],
)
def test_what_can_t_be_screened_is_refused_with_the_reason(
    comparisons: Comparisons, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        explanation_plan(completed(comparisons, replace(AROUND, **options)))


def test_by_default_about_a_hundred_trainings_say_something_of_every_setting(comparisons: Comparisons) -> None:
    few = explanation_plan(completed(comparisons, replace(AROUND, levels=LEVELS[:2], seeds=None))).comparison
    more = explanation_plan(completed(comparisons, replace(AROUND, seeds=None))).comparison
    assert [len(one.arms) * one.last_look.replicates for one in (few, more)] == [96, 96]
