"""The benchmarks run, and print JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.carried_out import started_in

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
# Programs that train for one epoch aren't worth the time that XLA takes to make them fast.
COMPILED_AS_IT_IS = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def smoke(benchmark: str, *arguments: str, server: str | None = None, **variables: str) -> Any:
    """What the benchmark prints of a tiny run, whose trainers are from the tests' server if that is given."""
    command = [sys.executable, str(BENCHMARKS / f"{benchmark}.py"), *arguments, "--smoke"]
    ended = subprocess.run(command, capture_output=True, text=True, **started_in(os.environ | variables, server))
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("storage", ["postgres", "sqlite"])
def test_the_ledger_is_measured_for_each_number_of_workers(storage: str) -> None:
    report = smoke("ledger", "--storage", storage)
    assert [result["workers"] for result in report["results"]] == [1, 3]
    for result in report["results"]:
        assert result["claim_ms"]["n"] == 12
        assert result["report_ms"]["n"] == 3 * result["workers"]
    assert report["versions"].keys() >= {"python", "optuna"}


@pytest.mark.parametrize("storage", [pytest.param("postgres", marks=pytest.mark.long), "sqlite"])
def test_all_workers_that_are_started_at_once_join(storage: str) -> None:
    result = smoke("joining", "--storage", storage)["results"]
    assert (result["workers"], result["joined"], result["exit_codes"]) == (4, 4, {"0": 4})
    assert result["imports_s"] > 0
    assert result["times_the_imports"] > 0


def test_rules_of_selection_and_pruners_are_replayed_on_every_recording() -> None:
    tables = smoke("replay")["tables"]
    assert [(table["space"], table["dataset"], table["configurations"]) for table in tables] == [
        ("bn_dropout", "digits", 60),
        ("cnn", "cifar10", 40),
        ("optimizer", "cifar10", 60),
        ("optimizer", "mnist", 60),
    ]
    assert all(regret["mean"] >= 0 for table in tables for regret in table["regret"].values())
    for pruners in (at_epochs for table in tables for at_epochs in table["pruners"].values()):
        assert list(pruners) == ["none", "asha-stop", "asha"]
        assert pruners["asha"]["trials"]["mean"] > pruners["none"]["trials"]["mean"], "as many epochs go further"


@pytest.mark.long
def test_a_screening_is_set_against_all_configurations_of_its_settings() -> None:
    found = smoke("factorial", "--n-workers", "1")
    assert [one["name"] for one in found["settings"]] == ["optimizer", "learning_rate"]
    assert all(one["factorial"]["n"] == one["screening"]["n"] == 2 for one in found["settings"])


def test_searches_with_and_without_a_limit_are_paired(server_of_trainers: str | None) -> None:
    found = smoke("limits", server=server_of_trainers)
    assert [difference["n"] for difference in found["limited_minus_free"].values()] == [2, 2]
    assert found["largest_trained"]["limited"] <= 111_000
    assert all(side["completed"] == 1 for pair in found["pairs"] for side in pair.values())


def test_a_fleet_is_measured_and_loses_nothing() -> None:
    (fleet,) = smoke("fleet")["results"]
    assert (fleet["workers"], fleet["leases_lost"], fleet["problems"], fleet["exact"]) == (4, 0, [], True)
    assert fleet["report_ms"]["n"] > 0


def test_the_answers_of_a_dashboard_are_timed() -> None:
    report = smoke("dashboard")
    assert "/api/studies/1?after=0" in [result["path"] for result in report["results"]]
    assert all(result["bytes"] and result["warm_ms"] > 0 for result in report["results"])


def test_large_studies_are_measured_on_both_sides_for_each_size() -> None:
    found = smoke("scale", "--storage", "sqlite")["results"]["sqlite"]
    assert [(size["finished"], size["running"]) for size in found] == [(5, 1), (10, 1), (10, 2)]
    for size in found:
        assert {side: set(times) for side, times in size["ms"].items()} == {
            side: {"claim", "suggest", "report", "prune"} for side in ("ours", "plain_optuna")
        }


@pytest.mark.long
def test_the_same_search_is_timed_on_each_side() -> None:
    digits = smoke("versus")["results"]["digits"]
    assert {"plain_optuna", "cold_workers", "default_workers", "one_worker", "kept_workers"} <= set(digits["seconds"])
    assert all(epochs["values"] == [1] for epochs in digits["epochs_trained"].values())


@pytest.mark.long
def test_searches_on_jax_are_measured_by_hand_and_by_a_worker(tmp_path: Path) -> None:
    report = smoke("gpu", KERAS_BACKEND="jax", XLA_FLAGS=COMPILED_AS_IT_IS, XDG_CACHE_HOME=str(tmp_path))
    by_hand, *ours = report["results"]["parts"]
    assert (report["backend"], report["results"]["failed"], report["results"]["left_out"]) == ("jax", [], [])
    assert len(by_hand["trial_s"]) == 1
    assert [part["skeleton"] for part in ours] == [True, False]
    assert all((part["states"], len(part["first_epochs_s"])) == ({"complete": 1}, 1) for part in ours)


@pytest.mark.long
def test_the_memory_of_a_trainer_is_followed_from_trial_to_trial() -> None:
    for kind in smoke("memory")["results"].values():
        assert len(kind["mb"]) == kind["trials"]
        assert min(kind["mb"]) > 0


@pytest.mark.long
def test_the_cost_of_the_service_is_a_share_of_the_wall_time() -> None:
    found = smoke("overhead")["results"]["smoke"]
    assert 0 < found["lost"]["median"] < found["lost_with_start"]["median"] < 1


def test_the_report_is_measured() -> None:
    report = smoke("report_size")
    assert report["trials"] == 20
    assert report["bytes"] > 1_000_000
    assert report["seconds"] > 0
