"""The browser that the other tests here rely on notices what goes wrong in a page."""

from pathlib import Path

from tests.helpers.pages import OpenPage


def test_errors_of_a_page_and_its_requests_are_noted(open_page: OpenPage, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<img src='http://outside.invalid/a.png'><script>throw new Error('as planned')</script>")
    watched = open_page()
    watched.page.goto(file.as_uri())
    assert any("as planned" in error for error in watched.trouble.errors)
    assert watched.trouble.outside == ["http://outside.invalid/a.png"]
