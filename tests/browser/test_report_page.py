"""The report in a real browser: it renders without complaint, asks for nothing, and its table sorts and filters."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filled_study import filled_study
from playwright.sync_api import Page

from search.report.facts import gather_facts
from search.report.page import as_page

DRAW = "Promise.all([...document.querySelectorAll('[data-figure]')].map(draw))"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a study of sixty trials."""
    folder = tmp_path_factory.mktemp("page")
    with filled_study(f"sqlite:///{folder / 'search.db'}", "filled", 60) as shared:
        page = folder / "report.html"
        page.write_text(as_page(gather_facts(shared), ()), encoding="utf-8")
    return page


@pytest.fixture
def page(report: Path, open_page: Callable[..., Any]) -> Iterator[Page]:
    """The report, opened from its file; at the end nothing may have gone wrong in it."""
    watched = open_page()
    watched.page.goto(report.as_uri())
    yield watched.page
    assert watched.trouble.errors == []
    assert watched.trouble.outside == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"color_scheme": "dark"},
        {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    ],
    ids=["light", "dark", "phone"],
)
def test_every_figure_has_points_and_nothing_goes_wrong(
    report: Path, open_page: Callable[..., Any], settings: dict[str, Any]
) -> None:
    watched = open_page(**settings)
    watched.page.goto(report.as_uri())
    watched.page.evaluate(DRAW)
    figures = watched.page.locator("[data-drawn]")
    assert figures.count() == watched.page.locator("[data-figure]").count() >= 7
    for index in range(figures.count()):
        figure = figures.nth(index)
        marks = figure.locator(".point, .js-line, .heatmaplayer image, .hm, .contour").count()
        assert marks, figure.get_attribute("id")
    assert watched.trouble.errors == []
    assert watched.trouble.outside == []
    width = watched.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


def wait_until_it_holds(page: Page, expression: str, patience_s: float = 30.0) -> None:
    """Asks from outside: what Playwright's own waiting does inside the page, the page's policy forbids."""
    deadline = time.monotonic() + patience_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for {expression}"
        page.wait_for_timeout(50)


def test_the_figures_follow_the_colours_of_the_page(page: Page) -> None:
    page.evaluate(DRAW)
    font = "document.querySelector('[data-figure]').layout.font.color"
    light = page.evaluate(font)
    page.emulate_media(color_scheme="dark")
    wait_until_it_holds(page, f"{font} !== '{light}'")


def column(page: Page, number: int) -> list[str]:
    """The texts of a column, from the rows that are shown."""
    return page.eval_on_selector_all(
        "#table tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{number}].textContent)"
    )


def test_the_table_sorts_by_numbers_up_and_down(page: Page) -> None:
    page.click("#table thead th:nth-child(3) button")
    values = [float(text) for text in column(page, 2) if text]
    assert values == sorted(values)
    page.click("#table thead th:nth-child(3) button")
    values = [float(text) for text in column(page, 2) if text]
    assert values == sorted(values, reverse=True)
    assert page.get_attribute("#table thead th:nth-child(3)", "aria-sort") == "descending"


def test_the_table_filters_by_words_and_by_state(page: Page) -> None:
    page.fill("#filter", "adam")
    page.select_option("#state", "pruned")
    states = column(page, 1)
    assert set(states) == {"pruned"}
    assert page.text_content("#shown") == f"{len(states)} of 59"
    page.fill("#filter", "nothing has this")
    assert column(page, 1) == []


def test_the_printed_page_has_all_figures(page: Page) -> None:
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    wait_until_it_holds(page, "[...document.querySelectorAll('[data-figure]')].every(each => each.dataset.drawn)")
    assert len(page.pdf()) > 50_000


def test_markup_in_names_is_shown_as_text(page: Page) -> None:
    assert page.locator("img").count() == 0
    assert any("<img src=x" in text for text in column(page, -1 % page.locator("#table thead th").count()))
