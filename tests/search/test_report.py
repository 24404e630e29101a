"""The report: what it says, of what, and that nothing from outside is taken for markup."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from filled_study import HOSTILE, filled_study
from optuna.trial import TrialState

from search.report import main
from search.report.markdown import search_markdown
from search.report.search_page import panels, search_page
from search.report.trials_table import trials_table
from search.report.words import summary
from search.study.test_score import TestScore as Score
from search.views.facts import StudyFacts, gather_facts
from search.views.importances import Importances, find_importances
from search.views.lessons import lessons

OWN = ("optimizer", "dropout_rate")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a study of sixty trials."""
    made = f"sqlite:///{tmp_path_factory.mktemp('report') / 'search.db'}"
    filled_study(made, f"filled {HOSTILE}", 60).close()
    return made


@pytest.fixture(scope="module")
def facts(url: str) -> Iterator[StudyFacts]:
    from search.commands.chosen_study import chosen_study

    with chosen_study(url, None) as shared:
        yield gather_facts(shared)


def importances_of(facts: StudyFacts) -> Importances:
    return find_importances(facts.completed, facts.direction)


def only(facts: StudyFacts, *states: str) -> StudyFacts:
    """The same study, as if it had trials of these states alone."""
    kept = tuple(trial for trial in facts.trials if trial.state in states)
    return replace(facts, trials=kept, looks=())


class Links(HTMLParser):
    """Where the elements of a page lead, and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def report(*arguments: str | Path) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, [str(argument) for argument in arguments])


def test_the_page_is_one_file_that_asks_for_nothing(url: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert report("--storage", url, "-o", page).exit_code == 0
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    assert [link for link in links.found if not link.startswith("#")] == []
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_what_comes_from_outside_is_no_markup_in_the_page(facts: StudyFacts) -> None:
    assert HOSTILE not in search_page(facts)


def test_what_comes_from_outside_is_no_markup_in_figures(facts: StudyFacts) -> None:
    made = panels(facts, importances_of(facts))
    assert HOSTILE in json.dumps([trial.reason for trial in facts.trials])
    assert "<img" not in json.dumps([plot.data for panel in made for plot in panel.plots])


def test_the_policy_of_the_page_lets_only_its_own_scripts_run(facts: StudyFacts) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', search_page(facts))
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1] or "default-src 'none'" in policy[1]
    assert len(re.findall("sha256-", policy[1])) == 2


def test_every_kind_of_figure_has_points(facts: StudyFacts) -> None:
    made = {panel.key: panel for panel in panels(facts, importances_of(facts))}
    assert list(made) == ["history", "curves", "importances", "choices", "slices", "contours", "timeline"]
    for panel in made.values():
        assert panel.plots, panel
        for plot in panel.plots:
            assert all(trace.get("x") for trace in plot.data)


def test_a_thousand_curves_are_a_few_traces(facts: StudyFacts) -> None:
    [curves] = [panel for panel in panels(facts, importances_of(facts)) if panel.key == "curves"]
    assert len(curves.plots[0].data) <= 6


def test_the_summary_says_what_won_by_how_much_and_how_sure_that_is(facts: StudyFacts) -> None:
    won, lead, doubt, test, once, *_ = summary(facts)
    best, second = facts.ranked[:2]
    assert f"Trial {best.number} is the best of {len(facts.ranked)} completed trials" in won
    assert f"better than the second, trial {second.number}" in lead
    assert "95 % interval" in doubt
    assert "This is the number to quote" in test
    assert "trained once" in once


def test_a_study_that_was_not_tested_says_so(facts: StudyFacts) -> None:
    assert any("Test images haven't been used yet" in words for words in summary(replace(facts, looks=())))


def test_data_without_test_images_is_said_to_have_none(facts: StudyFacts) -> None:
    import msgspec

    manifest = msgspec.structs.replace(facts.manifest, n_test=0)
    assert any("no test images" in words for words in summary(replace(facts, looks=(), manifest=manifest)))


def test_a_test_score_of_an_earlier_best_is_called_that(facts: StudyFacts) -> None:
    words = " ".join(summary(replace(facts, looks=(Score(1, 0.9, 0.1, 100),))))
    assert "Trial 1, the best when that was measured, has a test accuracy of 90.00%" in words


def test_failures_and_their_reasons_are_said(facts: StudyFacts) -> None:
    assert any("2 failed: crash:" in words for words in summary(facts))


@pytest.mark.parametrize("states", [(), ("failed",), ("pruned",), ("running",)], ids=str)
def test_a_study_without_a_completed_trial_has_a_report_all_the_same(
    facts: StudyFacts, states: tuple[str, ...]
) -> None:
    few = only(facts, *states)
    assert "No trial has been completed" in summary(few)[0]
    assert "No trial has been completed" in search_page(few)
    assert "No trial has been completed" in search_markdown(few)


def test_one_trial_is_compared_with_nothing(facts: StudyFacts) -> None:
    [first] = facts.ranked[:1]
    one = replace(only(facts), trials=(first,))
    assert "There is no second completed trial to compare it with." in summary(one)
    assert any("1 finished trial nothing can be said" in words for words in summary(one))
    assert "flatters" not in " ".join([*summary(one), *summary(replace(one, looks=()))])  # nothing was chosen
    assert "too few" in search_page(one)


def test_a_loss_has_no_interval_of_a_share_of_images(facts: StudyFacts) -> None:
    import msgspec

    manifest = msgspec.structs.replace(facts.manifest, objective="val_loss", direction="minimize")
    words = " ".join(summary(replace(facts, manifest=manifest, looks=())))
    assert "validation loss" in words
    assert "images, a true accuracy" not in words


def test_importances_of_equal_scores_are_not_computable(facts: StudyFacts) -> None:
    same = [replace(trial, value=0.5) for trial in facts.ranked]
    assert "same score" in find_importances(same, facts.direction).missing


def test_a_cell_of_few_trials_is_paler_than_one_of_many(facts: StudyFacts) -> None:
    [choices] = [panel for panel in panels(facts, importances_of(facts)) if panel.key == "choices"]
    pale = {
        int(text.split(" of ")[1]): trace["opacity"]
        for trace in choices.plots[0].data
        for line in trace["text"]
        for text in line
        if text
    }
    assert pale[1] == pale[2] == min(pale.values())
    assert pale[max(pale)] > pale[1]
    assert any("very pale with fewer than 5" in note for note in choices.notes)


def test_no_surface_is_drawn_through_few_points_and_that_is_said(facts: StudyFacts) -> None:
    kept = {trial.number for trial in facts.ranked[:6]}
    six = replace(
        facts,
        trials=tuple(trial for trial in facts.trials if trial.number in kept),
    )
    [contours] = [panel for panel in panels(six, importances_of(six)) if panel.key == "contours"]
    assert contours.plots == ()
    assert "learning_rate and dropout_rate, which 5 completed trials have in common" in contours.notes[0]
    assert "It takes 20." in contours.notes[0]


def test_what_the_trials_say_is_a_table_with_bars_of_the_intervals(facts: StudyFacts) -> None:
    page = search_page(facts)
    [table] = re.findall(r'<table class="lessons">.*?</table>', page, re.DOTALL)
    assert table.count('class="bar"') == sum(
        len(lesson.choices) for lesson in lessons(facts.trials, facts.manifest.goal)
    )
    assert "before_<wbr>activation" in table
    assert "in the best quarter" in table


def test_columns_of_numbers_stand_to_the_right_and_those_of_words_dont(facts: StudyFacts) -> None:
    table = trials_table(facts, OWN, lambda t: [t.params.get(n, "") for n in OWN])
    right = dict(zip(table.columns, table.right, strict=True))
    assert right["validation accuracy"]
    assert right["dropout_rate"]
    assert not right["optimizer"]
    assert not right["reason"]


def test_markdown_is_short_and_takes_nothing_for_markup(facts: StudyFacts) -> None:
    text = search_markdown(facts)
    assert text.startswith("### filled \\<img src=x")
    assert "| trial | validation accuracy |" in text
    assert "learning_rate" in text
    assert len(text.splitlines()) < 60


def test_markdown_goes_to_standard_output(url: str) -> None:
    result = report("--storage", url, "--format", "md")
    assert result.exit_code == 0
    assert result.stdout.startswith("### filled")


def test_an_empty_study_has_a_report(tmp_path: Path) -> None:
    from storage import create_study
    from storage.testkit import example_manifest

    url = f"sqlite:///{tmp_path / 'search.db'}"
    create_study(url, "empty", example_manifest()).close()
    result = report("--storage", url, "--format", "md")
    assert result.exit_code == 0, result.output
    assert "No trial has been ordered yet" in result.stdout
    assert report("--storage", url, "-o", tmp_path / "report.html").exit_code == 0


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("missing/report.html", "doesn't exist"),
        (".", "is a folder"),
        ("r.pdf", "ends in .html or .htm or .md or .markdown, such as r.html"),
        ("report", "ends in .html"),
        ("t.tex", "ends in .html"),
    ],
)
def test_an_output_that_cannot_be_written_is_said_first(url: str, tmp_path: Path, output: str, words: str) -> None:
    result = report("--storage", url, "-o", tmp_path / output)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not list(tmp_path.iterdir())


def test_the_ending_of_the_file_says_the_format(url: str, tmp_path: Path) -> None:
    assert report("--storage", url, "-o", tmp_path / "r.md").exit_code == 0
    assert report("--storage", url, "-o", tmp_path / "r.HTM").exit_code == 0
    assert (tmp_path / "r.md").read_text().startswith("#")
    assert (tmp_path / "r.HTM").read_text().startswith("<!DOCTYPE html>")
    refused = report("--storage", url, "--format", "html", "-o", tmp_path / "other.md")
    assert (refused.exit_code, "isn't a file for --format html" in refused.stderr) == (2, True)
    assert not (tmp_path / "other.md").exists()


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_a_file_that_is_there_is_left_unless_forced(url: str, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    result = report("--storage", url, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert f"{name} exists already: give --force to overwrite, or another -o" in result.stderr
    assert (tmp_path / name).read_text() == "mine"
    assert report("--storage", url, "-o", tmp_path / name, "--force").exit_code == 0
    assert (tmp_path / name).read_text() != "mine"


def test_several_studies_want_a_name(url: str, tmp_path: Path) -> None:
    from storage import create_study
    from storage.testkit import example_manifest

    two = f"sqlite:///{tmp_path / 'search.db'}"
    for name in ("one", "two"):
        create_study(two, name, example_manifest()).close()
    result = report("--storage", two)
    assert result.exit_code == 2
    assert "holds 2 studies: give one with --study-name: one, two" in result.stderr


def test_states_are_those_of_the_ledger(facts: StudyFacts) -> None:
    diverged = [trial for trial in facts.trials if trial.state == "diverged"]
    assert diverged
    assert all(trial.frozen.state is TrialState.PRUNED for trial in diverged)


def test_the_plots_are_plain_data(facts: StudyFacts) -> None:
    made: Any = [plot.data for panel in panels(facts, importances_of(facts)) for plot in panel.plots]
    assert json.loads(json.dumps(made, allow_nan=False))
