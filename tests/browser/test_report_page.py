"""The report in a real browser: it renders without complaint, asks for nothing, fits on phones and on paper, and its
table sorts and filters.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filled_comparison import filled_comparison
from filled_study import filled_study
from playwright.sync_api import Page

from search.report.making import make_report
from tests.helpers.pages import OpenPage

DRAW = "Promise.all([...document.querySelectorAll('[data-figure]')].map(draw))"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a study of sixty trials."""
    folder = tmp_path_factory.mktemp("page")
    with filled_study(f"sqlite:///{folder / 'search.db'}", "filled", 60) as shared:
        make_report(shared, "html", folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a comparison of three arms."""
    folder = tmp_path_factory.mktemp("comparison")
    with filled_comparison(f"sqlite:///{folder / 'search.db'}", "arms") as shared:
        make_report(shared, "html", folder / "report.html")
    return folder / "report.html"


@pytest.fixture(params=["search", "comparison"])
def either(request: pytest.FixtureRequest, report: Path, comparison: Path) -> Path:
    """The page of each kind of study."""
    return report if request.param == "search" else comparison


@pytest.fixture
def page(report: Path, open_page: OpenPage) -> Iterator[Page]:
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
    either: Path, open_page: OpenPage, settings: dict[str, Any]
) -> None:
    watched = open_page(**settings)
    watched.page.goto(either.as_uri())
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


TAB_STOPS = """[...document.querySelectorAll('a[href], button, input, select, [tabindex]')]
    .filter(each => each.tabIndex >= 0)"""


def test_a_figure_is_no_stop_for_the_keyboard_nor_offers_to_send_itself_away(either: Path, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900}).page
    page.goto(either.as_uri())
    page.evaluate(DRAW)
    assert page.locator(".modebar-btn").count() > 10
    assert page.evaluate(f"{TAB_STOPS}.filter(each => each.closest('[data-figure]')).length") == 0
    page.evaluate("Plotly.relayout(document.querySelector('[data-figure]'), {'xaxis.range': [0, 5]})")
    assert page.evaluate(f"{TAB_STOPS}.filter(each => each.closest('[data-figure]')).length") == 0
    titles = page.eval_on_selector_all(".modebar-btn", "all => all.map(each => each.dataset.title)")
    assert not {title for title in titles if "hare" in title or "loud" in title or "lotly" in title}


def test_the_camera_of_a_figure_gives_vectors(either: Path, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900}).page
    page.goto(either.as_uri())
    page.evaluate(DRAW)
    with page.expect_download() as download:
        page.locator(".modebar-btn[data-title^='Download']").first.dispatch_event("click")
    assert download.value.suggested_filename.endswith(".svg")
    assert download.value.path().read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_at_the_width_of_a_laptop_or_a_phone(either: Path, open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 844}).page
    page.goto(either.as_uri())
    cut = "[...document.querySelectorAll('nav, pre, .lessons, .scroll:not(.tall)')]"
    assert page.evaluate(f"{cut}.filter(each => each.scrollWidth > each.clientWidth).map(each => each.outerHTML)") == []
    inside = "all => all.every(each => each.getBoundingClientRect().right <= innerWidth)"
    assert page.eval_on_selector_all("nav a, .bar, .lessons td", inside)
    assert page.locator(".bar:visible").count() >= 3


def test_a_figure_fits_on_paper_in_colors_for_paper(either: Path, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900}, color_scheme="dark").page
    page.goto(either.as_uri())
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    wait_until_it_holds(page, "[...document.querySelectorAll('[data-figure]')].every(each => each.dataset.drawn)")
    found = page.evaluate("plots.map(each => [each.layout.width, each._fullLayout.width, each.layout.font.color])")
    assert all(width == drawn <= 640 and color == "#000" for width, drawn, color in found)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    wait_until_it_holds(page, "plots.every(each => each.layout.font.color !== '#000' && !each.layout.width)")


def test_nothing_is_torn_apart_between_two_sheets(either: Path, open_page: OpenPage) -> None:
    page = open_page().page
    page.goto(either.as_uri())
    page.emulate_media(media="print")
    rule = "all => all.every(each => getComputedStyle(each).breakInside === 'avoid')"
    assert page.locator(".panel").count() >= 4
    assert page.eval_on_selector_all(".panel, figure, pre, .stack, #table tr, .lessons tbody", rule)
    assert page.eval_on_selector_all("h2", "all => all.every(each => getComputedStyle(each).breakAfter === 'avoid')")
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"


def wait_until_it_holds(page: Page, expression: str, patience_s: float = 30.0) -> None:
    """Asks from outside: what Playwright's own waiting does inside the page, the page's policy forbids."""
    deadline = time.monotonic() + patience_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for {expression}"
        page.wait_for_timeout(50)


def test_the_figures_follow_the_colors_of_the_page(page: Page) -> None:
    page.evaluate(DRAW)
    font = "document.querySelector('[data-figure]').layout.font.color"
    light = page.evaluate(font)
    page.emulate_media(color_scheme="dark")
    wait_until_it_holds(page, f"{font} !== '{light}'")


def column(page: Page, number: int) -> list[str]:
    """The texts of a column, from the rows that are shown."""
    texts: list[str] = page.eval_on_selector_all(
        "#table tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{number}].textContent)"
    )
    return texts


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
