"""The database goes away at every query of a command: a launch waits for it each time, others say so and end."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from search import best, status
from search.host.exit_codes import EXIT_DONE, EXIT_STORAGE
from search.report import command as report
from tests.helpers.lab import Lab
from tests.helpers.launches import RunLaunch
from tests.helpers.outages import Outages

SEARCH = ("--space", "bn_dropout", "--study-name", "study", "--n-trials", "2", "--epochs", "2", "-f", "json")


@pytest.fixture
def searched(cli: RunLaunch, postgres_url: str, tmp_path: Path) -> Callable[..., Result]:
    """Launches a search in Postgres that starts no workers."""

    def launch(*more: str) -> Result:
        return cli(*SEARCH, "--n-workers", "0", "--storage", postgres_url, "--artifacts", tmp_path / "artifacts", *more)

    return launch


def test_a_launch_waits_wherever_it_is(
    searched: Callable[..., Result], outages: Outages, lab_in: Callable[[str], Lab], postgres_url: str
) -> None:
    with outages:
        begun = searched()
    assert begun.exit_code == EXIT_DONE, begun.output
    assert json.loads(begun.stdout)["trials"]["waiting"] == 2
    at_the_start = len(outages.places)
    lab_in(postgres_url).work()
    with outages:
        ended = searched()
    assert ended.exit_code == EXIT_DONE, ended.output
    assert json.loads(ended.stdout)["trials"]["complete"] == 2
    assert at_the_start > 10
    assert len(outages.places) > at_the_start + 10
    assert "Traceback" not in begun.output + ended.output


def test_a_launch_waits_no_longer_than_it_is_told(searched: Callable[..., Result], outages: Outages) -> None:
    outages.stays_away = True
    with outages:
        done = searched("--wait", "0.2")
    assert done.exit_code == EXIT_STORAGE
    assert done.stderr.splitlines()[-1].startswith("Error: the database postgresql")


@pytest.mark.parametrize("command", [status.main, best.main, report.main], ids=["status", "best", "report"])
def test_a_command_that_looks_ends_with_a_sentence(
    command: click.Command,
    searched: Callable[..., Result],
    outages: Outages,
    lab_in: Callable[[str], Lab],
    postgres_url: str,
) -> None:
    searched()
    lab_in(postgres_url).work()
    runner, ended = CliRunner(), None
    with outages:
        while ended is None or ended.exit_code != EXIT_DONE:
            before = len(outages.places)
            ended = runner.invoke(command, ["--storage", postgres_url])
            outages.come_back()
            if ended.exit_code != EXIT_DONE:
                assert ended.exit_code == EXIT_STORAGE, (ended.output, ended.exception)
                assert ended.stderr.startswith("Error: the database")
                assert len(outages.places) == before + 1
    assert len(outages.places) > 5
