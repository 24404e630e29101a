"""The report of a comparison: verdicts first, in the terminal's units, and nothing that is true of searches alone."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner
from filled_comparison import NAMES, REASON, filled_comparison

from search.design.answer_words import verdicts
from search.design.cell_text import points
from search.design.figures import comparison_figures
from search.design.result import ComparisonResult
from search.design.stored_result import comparison_of
from search.design.tables import pairs_table
from search.report import main
from search.report.comparison_page import comparison_page
from search.report.making import markdown_of, page_of
from search.report.markdown import comparison_markdown
from search.views.facts import StudyFacts, gather_facts
from storage import SharedStudy
from storage.comparison import ArmDesign, PlannedLook

UNTRUE = (
    "trained once",
    "The sampler",
    "is the best",
    "mportance",
    "best quarter",
    "Best trials",
    "sampler and pruner",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedStudy]:
    """A comparison of three arms in ten replicates, of which one diverged."""
    with filled_comparison(f"sqlite:///{tmp_path_factory.mktemp('comparison') / 'search.db'}", "arms") as made:
        yield made


@pytest.fixture(scope="module")
def facts(shared: SharedStudy) -> StudyFacts:
    return gather_facts(shared)


@pytest.fixture(scope="module")
def result(shared: SharedStudy) -> ComparisonResult:
    found = comparison_of(shared)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def page(facts: StudyFacts, result: ComparisonResult) -> str:
    """The words of the page, without style, scripts and marks."""
    text = re.sub(r"<(style|script)\b.*?</\1>", "", comparison_page(facts, result), flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", text))


@pytest.mark.parametrize("untrue", UNTRUE)
def test_nothing_is_said_that_is_true_of_searches_alone(
    page: str, facts: StudyFacts, result: ComparisonResult, untrue: str
) -> None:
    assert untrue not in page
    assert untrue not in comparison_markdown(facts, result)


def test_verdicts_come_first_the_decided_ones_before_the_others(page: str, result: ComparisonResult) -> None:
    claims = [sentence.claim for sentence in verdicts(result)]
    assert claims == [
        "none is worse than before_activation.",
        f"none and {NAMES[2]}: undecided.",
        f"before_activation and {NAMES[2]}: undecided.",
    ]
    places = [page.index(claim) for claim in claims]
    assert places == sorted(places)
    assert places[-1] < page.index("Means over replicates")


def test_differences_are_in_the_points_of_the_terminal(page: str, result: ComparisonResult) -> None:
    assert result.answer is not None
    for pair in result.answer.pairs:
        assert f"Difference {points(pair.difference)} points" in page
    for row in pairs_table(result).rows:
        assert all(cell in page for cell in row)


def test_a_verdict_has_its_interval_for_these_images_and_for_new_data(result: ComparisonResult) -> None:
    first = verdicts(result)[0]
    assert re.search(
        r"95 % interval -\d\.\d\d to -\d\.\d\d for these images, \S+ to \S+ for new data, n\s= 10", first.rest
    )
    assert "(corrected for all pairs)" in first.rest


def test_what_diverged_and_what_the_verdicts_are_about_is_said(page: str) -> None:
    assert f"replicate 1 diverged and counts as guessing: {REASON}" in page
    assert "Nadeau and Bengio" in page
    assert "runs that don't diverge" in page


def test_every_trial_is_there_with_its_arm_and_replicate(facts: StudyFacts, result: ComparisonResult) -> None:
    table = re.findall(r'<table id="table">.*?</table>', comparison_page(facts, result), re.DOTALL)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr class=.*?</tr>", table)]
    assert len(rows) == 30
    assert [row[6:8] for row in rows[3:5]] == [["none", "1"], ["before_<wbr>activation", "1"]]


def test_what_arms_are_is_shown_where_they_differ(page: str) -> None:
    assert "batch_norm.position" in page
    assert "dense 1" not in page  # the same in all of them


def test_names_of_arms_are_no_markup(facts: StudyFacts, result: ComparisonResult) -> None:
    assert NAMES[2] not in comparison_page(facts, result)
    assert NAMES[2] not in comparison_markdown(facts, result)


def test_a_comparison_that_has_just_begun_has_a_report(tmp_path: Path) -> None:
    looks = (PlannedLook(1, 0.05),)
    url = f"sqlite:///{tmp_path / 'search.db'}"
    filled_comparison(url, "begun", looks=looks).close()
    result = CliRunner(catch_exceptions=False).invoke(main, ["--storage", url, "-f", "md"])
    assert result.exit_code == 0, result.output
    assert "There is no answer yet." in result.stdout
    page = tmp_path / "report.html"
    assert CliRunner(catch_exceptions=False).invoke(main, ["--storage", url, "-o", str(page)]).exit_code == 0
    assert "There is no answer yet." in page.read_text(encoding="utf-8")


def test_a_confirmation_of_one_trial_has_its_mean_and_nothing_to_compare_it_with(tmp_path: Path) -> None:
    arm = ArmDesign("trial 7", {"dense": [128]}, selected=0.99)
    url = f"sqlite:///{tmp_path / 'search.db'}"
    with filled_comparison(url, "confirmed", arms=(arm,), kind="confirmation") as shared:
        text = markdown_of(shared)
        page = page_of(shared)
    assert "There is one arm, so there is nothing to compare it with." in text
    assert "Selected by a search, once, and confirmed here on fresh seeds" in text
    assert "Report on a confirmation" in page
    assert 'id="pairs"' not in page


def test_the_figure_for_the_dashboard_has_the_units_of_the_terminal_too(result: ComparisonResult) -> None:
    assert result.answer is not None
    figure = comparison_figures(result)["pairs"].drawn()
    shown = sorted(point for trace in figure.data if trace.name == "these images" for point in trace.x)
    assert shown == pytest.approx(sorted(100 * (pair.difference or 0.0) for pair in result.answer.pairs))
    assert "points" in figure.layout.xaxis.title.text
