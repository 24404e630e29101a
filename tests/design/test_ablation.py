"""Ablations: the path from one configuration to another, carried out on a study's ledger with stubs for trainers."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from search.design.explaining import explanation_plan, run_explanation
from search.design.formats import results_text
from search.design.options import ExplainOptions
from search.design.stored_result import comparison_of
from search.errors import UsageError
from search.host.ends import End
from search.report.comparison_page import comparison_page
from search.views.facts import gather_facts
from search.workers.settings import WorkerSettings
from storage import SharedStudy
from tests.design.test_explain import SCHEMA, completed
from tests.helpers.comparisons import Comparisons

NAME = "bn_dropout-digits-ablation"
LEVELS = ("optimizer=adam,rmsprop", "learning_rate=0.001,0.003", "batch_norm=none,after_activation")
AROUND = ExplainOptions(
    space="bn_dropout", start="baseline:dropout", levels=LEVELS, epochs=1, seeds=14, margin=1.5, ablation=True
)
GAINS = (0.0, -0.02, 0.04)
JITTER = (0.0, 0.002, 0.001, 0.003)


def ablate(comparisons: Comparisons, options: ExplainOptions = AROUND) -> dict[str, Any]:
    [answer] = comparisons.answers(lambda: run_explanation(completed(comparisons, options), comparisons.dependencies()))
    jsonschema.validate({"comparisons": [answer]}, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return answer


def plant(comparisons: Comparisons) -> None:
    """Batch normalization is worth 4 points, a higher rate costs 2, and the optimizer doesn't matter."""
    arms = 1 << len(LEVELS)
    comparisons.acts = {
        replicate * arms + arm: [
            {
                "scores": [
                    0.8
                    + sum(gain for place, gain in enumerate(GAINS) if arm >> place & 1)
                    + JITTER[(replicate * 3 + arm) % len(JITTER)]
                ]
            }
        ]
        for replicate in range(14)
        for arm in range(arms)
    }


def test_the_path_is_followed_and_its_steps_are_judged_on_fresh_replicates(comparisons: Comparisons) -> None:
    plant(comparisons)

    def interrupted(shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:
        end = comparisons.run(shared, url, workers, quiet=quiet)
        return End.UNFINISHED if len(shared.ledger.slots()) > 7 * 3 else end

    dependencies = replace(comparisons.dependencies(), run=interrupted)
    assert run_explanation(completed(comparisons, AROUND), dependencies) is End.UNFINISHED
    answer = ablate(comparisons)
    assert answer["ablation"]["path"] == ["batch_norm", "optimizer", "learning_rate"]
    assert answer["ablation"]["configurations"] == ["---", "--+", "+-+", "+++"]
    assert (answer["ablation"]["chosen_on"], answer["ablation"]["estimated_on"]) == (7, 7)
    assert [(one["name"], one["verdict"], one["n"]) for one in answer["settings"]] == [
        ("batch_norm", "better", 7),
        ("optimizer", "equivalent", 7),
        ("learning_rate", "worse", 7),
    ]
    assert answer["ablation"]["whole"]["effect"] == pytest.approx(0.02, abs=0.002)
    # Two configurations that no round reached have no slots, and no training was made twice.
    assert {arm["name"] for arm in answer["arms"]} == {"---", "+--", "-+-", "--+", "+-+", "-++", "+++"}
    with comparisons.open(NAME) as shared:
        slots = shared.ledger.slots()
        assert len(slots) == 7 * (3 + 2) + 7 * 4
        assert all(slot.token == 1 for slot in slots)
        result = comparison_of(shared)
        assert result is not None
        page = comparison_page(gather_facts(shared), result)
    assert "Report on an ablation" in page
    assert "batch_norm: matters: high is better." in page
    lines = list(csv.DictReader(io.StringIO(results_text([result], "csv"))))
    assert [(line["setting"], line["verdict"]) for line in lines] == [
        ("batch_norm", "better"),
        ("optimizer", "equivalent"),
        ("learning_rate", "worse"),
    ]
    assert "7 replicates chose the path, 7 others estimate its steps" in results_text([result], "md")
    assert ablate(comparisons) == answer
    with pytest.raises(UsageError, match="half of which chose its path, and can't be extended"):
        ablate(comparisons, replace(AROUND, seeds=20))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 3}, "--seeds 3: half of the replicates choose the path"),
        ({"levels": LEVELS[:1]}, "optimizer is the only setting"),
    ],
)
def test_what_cannot_be_ablated_is_refused(comparisons: Comparisons, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        explanation_plan(completed(comparisons, replace(AROUND, **options)))


def test_a_plan_says_how_many_trainings_it_takes_and_decides_by_default(comparisons: Comparisons) -> None:
    plan = explanation_plan(completed(comparisons, replace(AROUND, seeds=None)))
    assert plan.study_name == NAME
    assert plan.comparison.last_look.replicates == 14
    assert any(note.startswith("63 trainings: 7 replicates choose the path, 7 others") for note in plan.notes)


def test_a_setting_that_another_one_switches_off_is_no_obstacle(comparisons: Comparisons) -> None:
    levels = ("dropout_position=none,before_dense", "dropout_rate=0.2,0.5")
    plan = explanation_plan(completed(comparisons, replace(AROUND, levels=levels)))
    assert [arm.params.get("dropout_rate") for arm in plan.comparison.arms] == [None, 0.2, None, 0.5]
