"""A real Chromium without a window, and pages that note what goes wrong in them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, sync_playwright

from tests.helpers.pages import OpenPage, Trouble, Watched

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As root, as in a container, Chromium runs without its sandbox only; a container's /dev/shm is often too small for it.
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")


@pytest.fixture(scope="session")
def browser_path() -> Path:
    """The installed Chromium, or the one that SEARCH_TEST_BROWSER names."""
    found = os.environ.get("SEARCH_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or name one in SEARCH_TEST_BROWSER")
    return Path(found)


@pytest.fixture(scope="module")
def browser(browser_path: Path) -> Iterator[Browser]:
    """A Chromium for all tests of a module; each test gets pages of its own, without memory of others."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path, args=FLAGS, headless=True)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Makes a page to go anywhere with: `open_page(color_scheme="dark", http_credentials={…})` is `page.goto` away.

    The settings are those of playwright's `new_context`.
    """
    contexts = []

    def make(**settings: Any) -> Watched:
        contexts.append(browser.new_context(**settings))
        page, trouble = contexts[-1].new_page(), Trouble()
        page.on("console", lambda said: trouble.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: trouble.errors.append(str(error)))

        def note(request: Request) -> None:
            trouble.requests.append(request.url)

        page.on("request", note)
        return Watched(page, trouble)

    yield make
    for context in contexts:
        context.close()
