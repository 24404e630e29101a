"""`search.check` on studies: what it prints, what programs get, and its exit codes."""

import json
import shlex
from importlib import import_module
from typing import Any

import pytest
from click.testing import CliRunner, Result

from search.check import main
from storage import create_study
from storage.testkit import example_manifest
from tests.helpers.lab import Lab

CHECKS = [
    "failures",
    "trials",
    "edges",
    "training length",
    "last epochs",
    "validation images",
    "optimism",
    "overfitting",
    "pruning",
    "copies",
]


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--storage", url, *arguments])


@pytest.fixture
def searched(lab: Lab) -> Lab:
    """A search of twelve trials of which the last ones are the best."""
    lab.acts = {slot: [{"scores": [0.3, 0.5, 0.6 + slot / 50]}] for slot in range(12)}
    lab.study(12)
    lab.work()
    return lab


def findings(done: Result) -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in json.loads(done.stdout)["findings"]}


def test_every_check_says_something_and_its_command_runs(searched: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(searched.folder)
    done = run(searched.url, "-f", "json")
    assert done.exit_code == 0, done.output
    found = findings(done)
    assert list(found) == CHECKS
    assert found["trials"]["verdict"] == "look"
    assert found["trials"]["numbers"]["records_in_second_half"] == 6
    assert found["copies"]["verdict"] == "ok"
    for one in found.values():
        if one["next_command"]:
            _, _, module, *arguments = shlex.split(one["next_command"])
            command = import_module(module).main
            assert command.make_context(module, arguments).params


def test_a_study_of_few_trials_says_what_is_missing(lab: Lab) -> None:
    lab.study(2)
    lab.work()
    found = findings(run(lab.url, "-f", "json", "--no-images"))
    assert "copies" not in found
    assert found["edges"]["verdict"] == "not enough data"
    assert "it takes 20 to see where the best values lie" in found["edges"]["words"]


@pytest.mark.parametrize(("flag", "code"), [((), 0), (("--fail-on", "warn"), 1), (("--fail-on", "problem"), 0)])
def test_exit_codes_are_for_scripts(flag: tuple[str, ...], code: int, searched: Lab) -> None:
    assert run(searched.url, "--no-images", *flag).exit_code == code


@pytest.mark.parametrize("width", [60, 80])
def test_it_fits_the_terminal(width: int, searched: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run(searched.url).stdout
    assert shown.startswith("Checks of study\n")
    assert "10 checks: " in shown
    longest = max(len(line) for line in shown.splitlines() if "sqlite:///" not in line)
    assert longest <= width


def test_a_comparison_has_its_own_statistics(sqlite_with_tables_url: str) -> None:
    from storage.comparison import ArmDesign, Comparison, PlannedLook

    comparison = Comparison(
        question="?", arms=(ArmDesign("a", {}), ArmDesign("b", {})), margin=0.005, looks=(PlannedLook(2, 0.05),)
    )
    with create_study(sqlite_with_tables_url, "c", example_manifest(comparison=comparison)):
        pass
    done = run(sqlite_with_tables_url)
    assert done.exit_code == 2
    assert "c is a comparison, whose answer comes with its own intervals" in " ".join(done.stderr.split())
