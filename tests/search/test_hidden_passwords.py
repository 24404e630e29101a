"""A password that was typed or stands in a URL is in nothing that is printed, logged, stored or written."""

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from search.commands.answer import answer, tell
from search.commands.cli import Verb
from search.commands.hidden import hider
from search.console.logs import ShownFormatter
from storage import Manifest, open_study
from tests.helpers.lab import Lab
from tests.helpers.launches import StartLaunch
from tests.helpers.mailbox import mailbox

SECRET = "hun ter2"  # noqa: S105 - of no account; with a space, so that it can't be told from words
TRACKING = f"nowhere://me:{SECRET}@tracking.example"
HEAD, TAIL = "Zq7", "7qZ"
PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(
    lambda text: HEAD + text + TAIL
)

PARTS = (SECRET.encode(), b"hun%20ter2", b"ter2@")

MESSAGES = (
    "API request to {} failed",
    "invalid url: '{}/api', try again",
    "{}",
    "unsupported URI “{}”; known are http, https",
)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4
def test_a_search_with_a_password_in_a_url_leaves_it_nowhere(
    launch: StartLaunch, keras: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--space", "bn_dropout", "--n-trials", "1", "--epochs", "1", "--n-workers", "1", "--pruner", "none")
    with mailbox() as box:
        address = box.url.replace("//", "//me:hun%20ter2@").replace("/t0ken", "/hun%20ter2")
        said = ("--mlflow", TRACKING, "-vv")
        search = launch(*flags, *said, env={"SEARCH_NOTIFY": address}, own_server=True)
        printed = search.finish()
    assert search.code == 0, search.errors
    assert box.titles == ["bn_dropout-digits: the search ended, 1 of 1 trials finished"]
    assert "MLflow didn't take a trial" in search.errors
    monkeypatch.chdir(search.folder)
    for verb, *arguments in (
        ("report", "-o", "page.html"),
        ("export",),
        ("best", "-f", "json"),
        ("status", "-f", "json"),
    ):
        done = CliRunner().invoke(import_module(f"search.{verb}").main, arguments)
        assert done.exit_code == 0, done.output
        printed += done.output
    found = {**contents(search.folder), "printed": printed.encode()}
    assert {"model.md", "model.json", "page.html", "search.db", "stderr.txt"} <= set(found)
    assert [name for name, content in found.items() if any(part in content for part in PARTS)] == []
    with open_study(f"sqlite:///{search.folder / 'search.db'}", "bn_dropout-digits") as shared:
        assert "--mlflow 'nowhere://***@tracking.example'" in shared.manifest.command


@pytest.mark.parametrize("words", MESSAGES)
@given(password=PASSWORDS)
def test_what_other_programs_say_of_a_flag_s_url_is_said_without_its_password(words: str, password: str) -> None:
    url = f"http://me:{password}@tracking.example:5000"

    @click.command(cls=Verb)
    @click.option("--mlflow")
    def command(mlflow: str) -> None:
        tell(words.format(mlflow))
        answer(words.format(mlflow))
        record = logging.makeLogRecord({"msg": "MLflow: %s", "args": (words.format(mlflow),)})
        tell(ShownFormatter("%(message)s", hider()).format(record))

    said = CliRunner().invoke(command, ["--mlflow", url])
    assert said.exit_code == 0
    assert HEAD not in said.output
    assert TAIL not in said.output


@given(password=PASSWORDS)
def test_a_command_that_is_refused_says_why_without_the_password(password: str) -> None:
    @click.command(cls=Verb)
    @click.option("--mlflow", type=click.Choice(["on", "off"]))
    @click.argument("rest", type=int)
    def command(**_: Any) -> None:
        pytest.fail("it ran")

    url = f"http://me:{password}@tracking.example"
    for arguments in (["--mlflow", url, "1"], [f"--mlflow={url}", "1"], [f"--mlflaw={url}", "1"], [url]):
        said = CliRunner().invoke(command, arguments)
        assert said.exit_code == 2
        assert HEAD not in said.output
        assert TAIL not in said.output


def test_what_an_earlier_release_stored_is_read_without_the_password(manifest: Manifest) -> None:
    command = "python -m search.launch --mlflow http://me:hunter2@tracking.example --n-trials 3"
    stored = msgspec.structs.replace(manifest, command=command).to_json()
    assert Manifest.from_json(stored).command == command.replace(
        "http://me:hunter2@tracking.example", "'http://me:***@tracking.example'"
    )
    damaged = msgspec.structs.replace(manifest, command=f"{command} 'unclosed").to_json()
    assert "hunter2" not in Manifest.from_json(damaged).command


def test_why_a_trial_failed_is_stored_without_the_password_of_what_it_asked(lab: Lab) -> None:
    reason = "ConnectionError: http://me:hunter2@data.example/x.npz didn't answer"
    lab.acts = {0: [{"fail": ["space_error", reason]}]}
    shared = lab.study(1)
    lab.work()
    (ended,) = shared.ledger.outcomes()
    assert ended.outcome.reason == reason.replace("hunter2", "***")
    assert shared.study.trials[0].user_attrs["reason"] == ended.outcome.reason
