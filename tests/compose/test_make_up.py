"""`make up`, as far as it goes without a Docker engine: its own checks, what it hands on, what it says."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if shutil.which("make") is None:
        pytest.skip("make isn't installed")
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs make with a Compose that only shows the settings and arguments that it gets."""
    script = clone / "compose"
    script.write_text('#!/bin/sh\nenv | grep "^SEARCH_" | sort | tr "\\n" " "; echo "$@"\n')
    script.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "COMPOSE": str(script)}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)


def test_without_a_password_it_starts_nothing_and_says_how_to_make_one(clone: Path) -> None:
    done = make(clone, "up", "SPACE=bn_dropout", "WORKERS=4")
    assert done.returncode == 2
    assert done.stdout == ""
    (command,) = [line.strip() for line in done.stderr.splitlines() if "POSTGRES_PASSWORD=" in line]
    subprocess.run(["sh", "-c", command], cwd=clone, check=True)
    settings = clone / ".env"
    name, _, password = settings.read_text().strip().partition("=")
    assert (name, len(password)) == ("POSTGRES_PASSWORD", 32)
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert make(clone, "up").returncode == 0


def test_it_makes_a_token_for_the_dashboard_once(clone: Path) -> None:
    settings = clone / ".env"
    settings.write_text("POSTGRES_PASSWORD=x")  # its last line isn't ended
    assert "DASHBOARD_LOGIN" in make(clone, "up").stdout.splitlines()[0]
    _, line = settings.read_text().splitlines()
    name, _, token = line.partition("=")
    assert (name, len(token)) == ("DASHBOARD_LOGIN", 32)
    assert token not in make(clone, "up").stdout
    assert settings.read_text().splitlines()[1:] == [line]


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [
        ((), ""),
        (("SPACE=bn_dropout",), "SEARCH_SPACE=bn_dropout SEARCH_STUDY_NAME=bn_dropout-digits "),
        (
            ("SPACE=/data/mine.py:space", "DATASET=/data/own.npz"),
            "SEARCH_DATASET=/data/own.npz SEARCH_SPACE=/data/mine.py:space SEARCH_STUDY_NAME=mine-own ",
        ),
        (("STUDY=s", "TRIALS=9", "EPOCHS=2"), "SEARCH_EPOCHS=2 SEARCH_N_TRIALS=9 SEARCH_STUDY_NAME=s "),
    ],
)
def test_its_settings_become_those_of_the_containers(clone: Path, given: tuple[str, ...], handed_on: str) -> None:
    (clone / ".env").write_text("POSTGRES_PASSWORD=x\n")
    done = make(clone, "up", "WORKERS=4", *given)
    assert f"{handed_on}up --detach --build --scale worker=4\n" in done.stdout


def test_it_ends_with_what_to_do_next(clone: Path) -> None:
    (clone / ".env").write_text("POSTGRES_PASSWORD=x\n")
    done = make(clone, "up", "SPACE=bn_dropout", "WORKERS=4")
    lines = done.stdout.splitlines()
    shown = [" ".join(line.split()) for line in lines[lines.index("The search is running.") :]]
    assert shown[2:] == [
        "follow make logs",
        "results make results SPACE=bn_dropout",
        "more workers make up SPACE=bn_dropout WORKERS=8",
        "stop make down; to continue: make up SPACE=bn_dropout",
    ]


def test_a_fleet_is_started_once_and_studies_are_submitted_to_it(clone: Path) -> None:
    (clone / ".env").write_text("POSTGRES_PASSWORD=x\n")
    started = make(clone, "fleet", "WORKERS=4").stdout
    assert "up --detach --build --scale fleet=4 fleet dashboard\n" in started
    assert "make fleet WORKERS=8" in " ".join(started.split())
    done = make(clone, "submit", "SPACE=bn_dropout", "DATASET=mnist", "PRIORITY=5", "OWNER=me")
    settings = "SEARCH_DATASET=mnist SEARCH_OWNER=me SEARCH_PRIORITY=5 SEARCH_SPACE=bn_dropout"
    assert f"{settings} SEARCH_STUDY_NAME=bn_dropout-mnist run --rm init\n" in done.stdout
    assert (
        "run --rm init python -m search.queue pause bn_dropout-mnist"
        in make(clone, "queue", "ARGS=pause bn_dropout-mnist").stdout
    )
    assert "--profile fleet down" in make(clone, "down").stdout


def test_what_is_submitted_has_to_be_named(clone: Path) -> None:
    (clone / ".env").write_text("POSTGRES_PASSWORD=x\n")
    done = make(clone, "submit")
    assert done.returncode == 2
    assert "Which space? make submit SPACE=bn_dropout" in done.stderr
    assert "run --rm" not in done.stdout
