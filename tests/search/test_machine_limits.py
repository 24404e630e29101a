"""A full device in the place of a stream, and too few descriptors: a sentence and an exit code, no traceback."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.host.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_USAGE
from tests.helpers.carried_out import without_settings
from tests.helpers.lab import Lab
from tests.helpers.paths import ROOT

FULL = Path("/dev/full")
NO_ROOM = "can't be written: No space left on device."


@pytest.fixture
def url(lab: Lab) -> str:
    """The URL of a finished study."""
    lab.study(2)
    lab.work()
    lab.close()
    return lab.url


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command as a program, with these streams and limits."""

    def start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        inherited = without_settings()
        environment = {**inherited, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, text=True, timeout=120, check=False, **streams)

    return start


@pytest.mark.parametrize(
    "command",
    [("search.status",), ("search.status", "-f", "json"), ("search.best",), ("search.spaces", "--help"), ("search",)],
    ids=" ".join,
)
def test_an_answer_that_cannot_be_written_is_an_error(
    command: tuple[str, ...], url: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    storage = ("--storage", url) if command[0] in ("search.status", "search.best") else ()
    with FULL.open("w") as full:
        done = run(*command, *storage, stdout=full)
    assert done.returncode == EXIT_FAILED
    assert done.stderr.startswith("Error: standard output")
    assert done.stderr.endswith(f"{NO_ROOM}\n")


def test_a_search_goes_on_though_its_messages_cannot_be_written(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    flags = ("--space", "bn_dropout", "--n-trials", "2", "--epochs", "1", "--n-workers", "1", "--limit-train", "100")
    with FULL.open("w") as full:
        searched = run("search.launch", *flags, stderr=full)
        mistyped = run("search.launch", "--space", "nothing", stderr=full)
    assert searched.returncode == EXIT_DONE
    assert "All 2 trials of" in searched.stdout
    assert mistyped.returncode == EXIT_USAGE


@pytest.mark.parametrize("descriptors", [7, 10, 12])
def test_too_few_descriptors_are_said_to_be_too_few(
    descriptors: int, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    done = run("search.launch", "--space", "bn_dropout", "--n-trials", "2", "--n-workers", "2", preexec_fn=limit)
    assert done.returncode == EXIT_FAILED, done.stderr
    assert "Error: Too many open files" in done.stderr
    assert "ulimit -n" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_24_descriptors_of_a_small_container_are_enough(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    flags = ("--space", "bn_dropout", "--n-trials", "2", "--epochs", "1", "--n-workers", "2", "--limit-train", "100")
    done = run("search.launch", *flags, preexec_fn=limit)
    assert done.returncode == EXIT_DONE, done.stderr


def test_a_dashboard_that_could_open_no_page_says_so(
    url: str, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    done = run("search.dashboard", "--storage", url, "--port", "0", preexec_fn=limit)
    assert done.returncode == EXIT_FAILED
    assert done.stderr.startswith("Error: the dashboard needs 80 open files, and may have 24: allow more of them")


def test_a_dashboard_takes_the_descriptors_that_it_may_have() -> None:
    ask = "import resource; from search.web.descriptors import room; print(room(100))"
    keep = "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    found = subprocess.run(
        [sys.executable, "-c", f"{ask}; {keep}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 90)),
    )
    assert found.stdout.split() == ["26", "90"]
