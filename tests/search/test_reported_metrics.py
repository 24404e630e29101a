"""The metrics next to the objective, and the recall of each class: the same numbers wherever a search is shown."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from search.best import main as best_command
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.launching.wording import plan_text, result_json, result_text
from search.report.markdown import search_markdown
from search.report.search_page import search_page
from search.study.class_results import CLASSES_ATTR, ClassResults, store_class_results
from search.study.reported_metrics import reported_metrics
from search.trials import main as trials_command
from search.views.classes_table import MOST_LISTED, classes_sentence, classes_table
from search.views.facts import StudyFacts, gather_facts
from search.views.study_notes import best_note, result_note
from search.workers.scoring import measure_test_score
from spaces.epoch_scores import EpochScores
from storage import SharedStudy
from tests.helpers.lab import MANIFEST, Lab

OPTIONS = LaunchOptions(space="bn_dropout")
SCORES = {slot: [{"scores": [0.1, 0.2, 0.25 * (slot + 1)]}] for slot in range(3)}
TESTED = "macro F1 0.8000 (0.7500 to 0.8500)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A finished search, whose third trial is best: its accuracy is 0.75, and its macro F1 half of that."""
    folder = tmp_path_factory.mktemp("lab")
    made = Lab(f"sqlite:///{folder / 'search.db'}", folder, SCORES)
    made.study(3, report_metrics=("val_macro_f1",), class_counts={"validation": (20,) * 10})
    made.work()
    return made


@pytest.fixture
def shared(lab: Lab) -> SharedStudy:
    return lab.context().shared


@pytest.fixture
def facts(shared: SharedStudy) -> StudyFacts:
    return gather_facts(shared)


def printed(command: object, lab: Lab, *arguments: str) -> str:
    done = CliRunner().invoke(command, ["--storage", lab.url, *arguments], catch_exceptions=False)  # type: ignore[arg-type]
    assert done.exit_code == 0
    return done.stdout


def test_the_table_and_the_json_of_a_launch_have_them(facts: StudyFacts) -> None:
    text = " ".join(result_text(facts, OPTIONS).split())
    assert "val_macro_f1" in text
    assert "0.3750" in text
    assert "val_macro_f1 (higher is better, a guess gives 0.1000)" in text
    assert TESTED in text
    assert "Of the validation images of each class, trial 2 recognizes: 0 10 of 100, 1 10 of 100" in text
    document = json.loads(result_json(facts, OPTIONS, 1.0))
    assert document["best"]["metrics"] == {"val_macro_f1": 0.375}
    assert document["metrics"]["val_macro_f1"] == {"direction": "maximize", "guess": 0.1}
    assert document["test"]["metrics"] == {"val_macro_f1": {"value": 0.8, "low": 0.75, "high": 0.85}}
    assert document["classes"]["recall"]["9"] == 0.1
    assert document["classes"]["confusion"] == [[10] * 10] * 10


def test_the_plan_says_which_direction_is_better_and_what_a_guess_gives(tmp_path: Path) -> None:
    options = replace(OPTIONS, storage=f"sqlite:///{tmp_path}/x.db", objective="val_loss", report_metrics=("val_auc",))
    text = " ".join(plan_text(make_plan(options), options).split())
    expected = "val_loss (lower is better, a guess gives 2.3026), val_auc (higher is better, a guess gives 0.5000)"
    assert f"metrics {expected}" in text


def test_best_has_them_in_words_and_in_its_document(lab: Lab) -> None:
    text = " ".join(printed(best_command, lab).split())
    assert "val_macro_f1 (higher is better, a guess gives 0.1000): 0.3750" in text
    assert TESTED in text
    assert "class recall 0 1 2" in text
    document = json.loads(printed(best_command, lab, "-f", "json"))
    assert document["metrics"] == {"val_macro_f1": 0.375}
    assert document["test"]["metrics"]["val_macro_f1"]["value"] == 0.8
    assert document["classes"]["trial"] == 2
    other = json.loads(printed(best_command, lab, "--trial", "0", "-f", "json"))
    assert other["classes"] is None


def test_the_list_of_trials_has_a_column_of_each(lab: Lab) -> None:
    assert "val_macro_f1" in printed(trials_command, lab)
    rows = json.loads(printed(trials_command, lab, "-f", "json"))["trials"]
    assert [row["metrics"]["val_macro_f1"] for row in rows] == [0.125, 0.25, 0.375]
    assert "metrics.val_macro_f1" in printed(trials_command, lab, "-f", "csv").splitlines()[0]


def test_the_report_and_the_notes_have_them(facts: StudyFacts) -> None:
    page, markdown = search_page(facts), search_markdown(facts)
    for text in (page, markdown, result_note(facts)):
        assert "0.3750" in text
        assert TESTED in text
    assert "val_macro_f1" in page
    assert "What is taken for what" in page
    assert facts.best is not None
    assert "| class | recall | 0 |" in best_note(facts, facts.best)


def test_a_dashboard_has_a_column_of_each(shared: SharedStudy) -> None:
    values = [trial.user_attrs["val_macro_f1"] for trial in shared.study.get_trials()]
    assert values == [0.125, 0.25, 0.375]


def test_classes_of_a_trial_that_is_no_longer_the_best_are_not_shown(shared: SharedStudy) -> None:
    before = ClassResults(2, ((10,) * 10,) * 10)
    store_class_results(shared, msgspec.structs.replace(before, trial=0))
    assert gather_facts(shared).class_results is None
    store_class_results(shared, before)
    assert gather_facts(shared).class_results == before


def test_what_an_earlier_release_did_not_measure_is_measured_without_another_look(lab: Lab) -> None:
    context = lab.context()
    shared = context.shared
    before = gather_facts(shared)
    shared.study.set_user_attr(CLASSES_ATTR, None)
    assert gather_facts(shared).class_results is None
    measure_test_score(shared, context.folder, None, context.trainer)
    after = gather_facts(shared)
    assert (after.class_results, after.looks) == (before.class_results, before.looks)
    context.trainer.discard()


def test_the_metrics_are_those_of_the_epoch_whose_model_was_kept() -> None:
    manifest = msgspec.structs.replace(MANIFEST, report_metrics=("val_auc", "val_loss"))
    curve = [
        EpochScores(1, 1.0, 0.5, 0.3, 0.5, 1.0, 0.1, {"val_auc": 0.6}),
        EpochScores(2, 1.0, 0.5, 0.3, 0.9, 1.0, 0.1, {"val_auc": 0.8}),
        EpochScores(3, 1.0, 0.5, 0.3, 0.7, 1.0, 0.1),
    ]
    assert reported_metrics(manifest, curve, 0.9) == {"val_auc": 0.8, "val_loss": 0.3}
    assert reported_metrics(manifest, curve, 0.7) == {"val_loss": 0.3}
    assert reported_metrics(manifest, [], None) == {}


def test_of_many_classes_those_that_are_recognized_least_are_named() -> None:
    names = tuple(f"class {number}" for number in range(40))
    lines = [[0] * 40 for _ in names]
    for number, line in enumerate(lines):
        line[number], line[3] = line[number] + number, line[3] + 40 - number
    found = ClassResults(5, tuple(map(tuple, lines)))
    table = classes_table(found, names)
    assert len(table.rows) == MOST_LISTED
    assert table.rows[0] == ("class 0", "40", "0", "0.0%", "class 3 (40)")
    assert classes_sentence(found, names).startswith("Of the validation images of the classes that it recognizes least")
    assert classes_sentence(None, names) == ""
