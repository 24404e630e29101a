"""The dashboard in a real Chromium: a user must log in, sees the study, changes nothing, and is safe from it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from PIL import Image

from storage import create_study
from storage.testkit import example_manifest
from tests.helpers.pages import OpenPage
from tests.helpers.paths import ROOT

TOKEN = "a-token-of-the-test"  # noqa: S105 - of nothing
EVIL = "<!doctype html><title>harmless</title><script>document.title = 'owned'; fetch('/was-run')</script>"


# Each with a word that is on it once it is there.
PAGES = {
    "/dashboard": "a-search",
    "/dashboard/studies/1": "History",
    "/dashboard/studies/1/analytics": "Hyperparameter",
    "/dashboard/studies/1/trials?numbers=3": "Trial 3",
    "/dashboard/studies/1/note": "Note",
}

IN_A_FRAME = """address => {
    const frame = document.createElement('iframe');
    frame.src = address;
    document.body.append(frame);
}"""


@dataclass(frozen=True)
class Site:
    """A dashboard that is running, and the address of an artifact that is a page with a script."""

    address: str
    evil: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("dashboard")
    evil = make_study(folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SEARCH_", "OPTUNA_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "search.dashboard", "--port=0"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "SEARCH_DASHBOARD_LOGIN": TOKEN},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.readline()
        found = re.search(r"http://\S+:\d+", said)
        assert found is not None, said + process.stderr.read()
        yield Site(found[0], f"{found[0]}{evil}")
        process.terminate()
        assert process.wait() == 0


def make_study(folder: Path) -> str:
    """A study with curves and a trial with artifacts; returns the path of the one that is a page."""
    url, files = f"sqlite:///{folder / 'search.db'}", folder / "search-artifacts"
    (files / "models").mkdir(parents=True)
    store = FileSystemArtifactStore(files / "models")
    Image.new("RGB", (40, 20), "teal").save(folder / "curve.png")
    (folder / "page.html").write_text(EVIL)
    with create_study(url, "a-search", example_manifest(artifacts=str(files))) as shared:
        for number in range(4):
            trial = shared.study.ask()
            trial.suggest_float("rate", 0, 1)
            trial.set_user_attr("configuration", {f"layer {place}": "dense 128 relu" for place in range(60)})
            for epoch in range(1, 4):
                trial.report(0.5 + 0.1 * epoch, epoch)
            ids = [
                upload_artifact(artifact_store=store, file_path=str(folder / name), study_or_trial=trial)
                for name in ("curve.png", "page.html")
            ]
            shared.study.tell(trial, 0.8 + 0.01 * number)
        return f"/artifacts/{shared.study_id}/{shared.trials.ids[trial.number]}/{ids[1]}"  # as the dashboard links it


def enter(site: Site, open_page: OpenPage, path: str = "/dashboard") -> Any:
    """A page of the dashboard, for a user who has logged in."""
    watched = open_page(viewport={"width": 1400, "height": 1000})
    watched.page.goto(site.address + path)
    watched.page.get_by_label("Token").fill(TOKEN)
    with watched.page.expect_navigation():  # what follows would otherwise come before the login, or in the middle of it
        watched.page.get_by_role("button", name="Log in").click()
    watched.trouble.errors.clear()  # that the first answer was a 401
    return watched


def test_a_login_is_asked_for_and_a_wrong_one_refused(site: Site, open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    answer = page.goto(f"{site.address}/dashboard")
    assert answer is not None
    assert answer.status == 401
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("That is wrong").wait_for()
    assert page.request.get(f"{site.address}/api/studies").status == 401
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.locator("text=a-search >> visible=true").first.wait_for()
    assert page.evaluate("document.cookie") == ""  # scripts don't get at the session


def test_pages_render_without_errors_and_ask_no_other_site(site: Site, open_page: OpenPage) -> None:
    watched = enter(site, open_page)
    for path, words in PAGES.items():
        watched.page.goto(site.address + path)
        watched.page.locator(f"text={words} >> visible=true").first.wait_for()
        watched.page.wait_for_load_state("networkidle")
    assert watched.trouble.errors == []
    assert watched.trouble.outside == []


def test_the_history_has_points_and_a_picture_among_the_artifacts_is_shown(site: Site, open_page: OpenPage) -> None:
    page = enter(site, open_page, "/dashboard/studies/1").page
    page.locator(".scatterlayer .point").first.wait_for(state="attached")
    assert page.locator(".scatterlayer .point").count() >= 4
    page.goto(f"{site.address}/dashboard/studies/1/trials?numbers=3")
    picture = page.locator("img[src*='/artifacts/']").first
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40


def test_changes_are_refused(site: Site, open_page: OpenPage) -> None:
    page = enter(site, open_page).page
    for method in ("DELETE", "POST", "PUT"):
        asked = f"fetch('/api/studies/1', {{method: '{method}', body: '{{}}'}}).then(answer => answer.status)"
        assert page.evaluate(asked) == 403
    page.reload()
    page.locator("text=a-search >> visible=true").first.wait_for()


def test_a_long_attribute_leaves_the_page_as_wide_as_the_window(site: Site, open_page: OpenPage) -> None:
    page = enter(site, open_page, "/dashboard/studies/1/trials?numbers=3").page
    page.locator("text=dense 128 relu >> visible=true").first.wait_for()
    assert page.evaluate("document.querySelector('main').getBoundingClientRect().right - innerWidth") <= 0


CHANGING = """[...document.querySelectorAll('button, [role=button]')].filter(each => each.offsetParent !== null)
    .map(each => `${each.ariaLabel ?? ''} ${each.textContent} ${each.querySelector('svg')?.dataset.testid ?? ''}`)
    .filter(words => /create|rename|delete|upload|edit|skip|addbox/i.test(words))"""


def test_nothing_is_offered_that_would_be_refused_and_that_is_said(site: Site, open_page: OpenPage) -> None:
    page = enter(site, open_page).page
    for path, words in PAGES.items():
        page.goto(site.address + path)
        page.locator(f"text={words} >> visible=true").first.wait_for()
        page.wait_for_load_state("networkidle")
        assert page.evaluate(CHANGING) == []
        assert page.get_by_text("This dashboard is read-only").is_visible()


def test_a_page_among_the_artifacts_is_downloaded_and_runs_nowhere(site: Site, open_page: OpenPage) -> None:
    watched = enter(site, open_page)
    page = watched.page
    with page.expect_download() as download:
        page.evaluate(f"location.href = '{site.evil}'")
    assert Path(download.value.path()).read_text() == EVIL
    with page.expect_request(site.evil), page.expect_download():
        page.evaluate(IN_A_FRAME, site.evil)
    assert not [url for url in watched.trouble.requests if url.endswith("/was-run")]
    assert page.title() != "owned"
