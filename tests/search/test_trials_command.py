"""All trials of a study for people and other programs: every column, exact numbers, harmless text."""

import csv
import io
import json
import math

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from search.trials import main
from search.trials.rows import PLAIN, trial_rows
from search.trials.texts import as_csv, as_json, as_markdown, as_table
from search.views.csv_text import csv_cell
from spaces.epoch_scores import EpochScores
from tests.helpers.lab import MANIFEST, NAME, Lab
from tests.helpers.made_up import study_facts, trial_facts

THIRD = 1 / 3
FORMULAS = ("=cmd()", "+1", "-1", "@sum", "\tx", " =1+1")


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--storage", url])


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def worked(lab: Lab) -> Lab:
    lab.acts = {0: [{"scores": [0.2, 0.4, THIRD]}], 1: [{"fail": ["space_error", "oops\n=evil"]}]}
    lab.study(2)
    lab.work()
    return lab


def test_every_trial_of_a_study_is_there_in_every_format(worked: Lab) -> None:
    url = worked.url
    document = json.loads(run(url, "-f", "json").stdout)
    first, second = document["trials"]
    assert (document["study_name"], document["objective"], document["direction"]) == (NAME, "val_accuracy", "maximize")
    assert (first["state"], first["value"], first["epochs"]) == ("complete", THIRD, 3)
    assert first["configuration"]["optimizer"]["name"] == first["params"]["optimizer"]
    assert first["scores"]["val_accuracy"] == THIRD
    assert first["began"] <= first["ended"]
    assert (second["state"], second["value"]) == ("failed", None)
    lines = rows_of(run(url, NAME, "-f", "csv").stdout)
    assert [line["trial"] for line in lines] == ["0", "1"]
    assert float(lines[0]["value"]) == THIRD
    assert json.loads(lines[0]["configuration"]) == first["configuration"]
    filled = {name for name, value in lines[0].items() if name.startswith("params.") and value}
    assert filled == {f"params.{name}" for name in first["params"]}
    assert run(url, "--study-name", NAME).stdout.startswith(f"2 trials of {NAME}\n")
    assert "| trial | state | val_accuracy |" in run(url, "-f", "md").stdout


def test_two_names_that_differ_are_refused(worked: Lab) -> None:
    done = run(worked.url, NAME, "--study-name", "other")
    assert done.exit_code == 2
    assert "leave one of them out" in done.stderr


def test_a_study_without_trials_has_the_columns_that_every_study_has() -> None:
    facts = study_facts(MANIFEST)
    assert as_csv(trial_rows(facts)) == ",".join((*PLAIN, "configuration")) + "\n"
    assert json.loads(as_json(facts, []))["trials"] == []
    assert as_table(facts, []).startswith("0 trials of demo")


def test_the_columns_are_in_one_order_whichever_trial_has_which_parameter() -> None:
    trials = [trial_facts(0, params={"b": 1, "a": 0.1}), trial_facts(1, params={"c": True}, baseline="base")]
    forth, back = (as_csv(trial_rows(study_facts(MANIFEST, order))) for order in (trials, trials[::-1]))
    assert forth.partition("\n")[0] == back.partition("\n")[0]
    assert "params.a,params.b,params.c,configuration" in forth
    assert [line["params.c"] for line in rows_of(forth)] == ["", "true"]
    assert "1*" in as_table(study_facts(MANIFEST, trials), trial_rows(study_facts(MANIFEST, trials)))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_spreadsheet_takes_a_name_as_a_formula(text: str) -> None:
    facts = study_facts(MANIFEST, [trial_facts(0, params={text: text})])
    [line] = rows_of(as_csv(trial_rows(facts)))
    [(name, value)] = [(name, value) for name, value in line.items() if name.startswith("params.")]
    assert value.startswith("'")
    assert name.startswith("params.")


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_are_exact(value: float) -> None:
    assert type(value)(csv_cell(value)) == value


@given(st.text())
def test_text_is_on_one_line_and_never_a_formula(text: str) -> None:
    cell = csv_cell(text)
    assert len(cell.splitlines()) <= 1
    assert not cell.strip().startswith(("=", "+", "-", "@"))


def test_markdown_in_names_stays_text() -> None:
    facts = study_facts(MANIFEST, [trial_facts(0, params={"a|b": "<b>"})])
    assert r"a\|b" in as_markdown(facts, trial_rows(facts))
    assert r"\<b\>" in as_markdown(facts, trial_rows(facts))


def test_a_score_that_is_no_number_is_none() -> None:
    trial = trial_facts(0)
    broken = EpochScores(1, math.nan, 0.5, math.inf, 0.5, 1.0, 0.1, {"val_auc": 0.75})
    facts = study_facts(MANIFEST, [type(trial)(trial.frozen, trial.slot, None, (broken,), "w", "cpu")])
    [row] = trial_rows(facts)
    assert dict(row.scores) == {"loss": None, "accuracy": 0.5, "val_loss": None, "val_accuracy": 0.5, "val_auc": 0.75}
    [line] = rows_of(as_csv([row]))
    assert (line["scores.loss"], line["scores.val_auc"]) == ("", "0.75")
