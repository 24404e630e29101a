"""Clusters, and commands of ours as a person runs them there."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from search.cluster.actions import opened_site
from search.cluster.fleet import EngineName
from search.cluster.options import ClusterOptions
from search.cluster.standing import PlaceStatus
from storage import SharedStudy, open_study
from tests.helpers.carried_out import without_settings
from tests.helpers.paths import ROOT

VALIDATE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import kubernetes_validate
found = json.load(open(sys.argv[1]))
for manifest in found if isinstance(found, list) else [found]:
    for version in ("1.31.0", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(manifest, version, strict=True)
"""

TOOLS = ROOT.parent / "shared" / "tools"


@dataclass(frozen=True)
class Cli:
    """Runs commands of ours as a person does, on one storage and with an engine."""

    storage: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, module: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs `python -m MODULE` and checks its exit code."""
        inherited = without_settings()
        done = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-m", module, *arguments],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": str(ROOT), "OPTUNA_STORAGE": self.storage, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def order(self, n_trials: int, *more: str, name: str = "S") -> None:
        """Creates the study with that many trials, or adds some, and runs none. At the one learning rate no training
        diverges, as one in a thousand of this space does.
        """
        what = ("--space", "bn_dropout", "--fix", "learning_rate=0.001", "--n-trials", str(n_trials))
        where = ("--study-name", name, "--artifacts", str(self.folder / "artifacts"))
        self.run("search.launch", *what, "--pruner", "none", *where, "--n-workers", "0", *more)

    def cluster(self, *arguments: str, on: str, name: str = "S", code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs `search.cluster` for the study."""
        return self.run("search.cluster", *arguments, "--on", on, "--study-name", name, code=code)

    def places(self, *, on: EngineName, name: str = "S") -> tuple[PlaceStatus, ...]:
        """What `search.cluster status` shows, without a process of its own, as it is asked for again and again."""
        with opened_site(ClusterOptions(on, self.storage, name)) as site:
            return site.places()

    def at_work(self, number: int, *, on: EngineName) -> dict[str, list[str]] | None:
        """The jobs at work by their host, None if they are fewer."""
        hosts: dict[str, list[str]] = {}
        for place in self.places(on=on):
            if place.state == "at work":
                hosts.setdefault(place.host, []).append(place.job)
        return hosts if sum(map(len, hosts.values())) >= number else None

    def study(self, name: str = "S") -> SharedStudy:
        """The study."""
        return open_study(self.storage, name)


def require_whole(study: SharedStudy, n_trials: int, epochs: int) -> None:
    """Each trial was trained to its end, once, and none is held against anybody."""
    slots = study.ledger.slots()
    reasons = [(slot.outcome and slot.outcome.reason) or slot.last_failure for slot in slots]
    ends = [(slot.outcome and slot.outcome.state, slot.failures) for slot in slots]
    assert ends == [("complete", 0)] * n_trials, reasons
    assert {len(study.ledger.epochs(number)) for number in range(n_trials)} == {epochs}
    assert sorted(trial.number for trial in study.study.get_trials(deepcopy=False)) == list(range(n_trials))


def cut_off_python(folder: Path) -> Path:
    """A Python of a node that doesn't reach the database."""
    python = folder / "python-of-a-cut-off-node"
    elsewhere = "OPTUNA_STORAGE=postgresql://127.0.0.1:1/none"
    python.write_text(f'#!/bin/bash\n{elsewhere} exec {sys.executable} "$@" --wait=0\n')
    python.chmod(0o755)
    return python


def files_but_logs(cli: Cli) -> list[str]:
    """What is left of a fleet in its folder."""
    return [path.name for path in (cli.folder / "artifacts" / "S" / "cluster").iterdir() if path.suffix != ".log"]


def require_tool(name: str) -> Path:
    """The test bed of that name; skips without it."""
    tool = TOOLS / name
    if not tool.exists():
        pytest.skip(f"needs a cluster of your own, or the test bed {tool}")
    return tool


def words(*command: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints; fails with what it said if it failed."""
    done = subprocess.run(
        list(map(str, command)), env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@dataclass(frozen=True)
class SlurmCluster:
    """A Slurm, and the test bed's tool if it is the test bed's."""

    tool: Path | None
    environment: Mapping[str, str]

    def __call__(self, *command: str) -> str:
        """Runs a command of Slurm's."""
        return words(*command, environment=self.environment)

    def bed(self, *command: str) -> str:
        """Runs a command of the test bed."""
        assert self.tool is not None
        return words(self.tool, *command, environment=self.environment)


@dataclass(frozen=True)
class Kube:
    """A cluster, and the stand-in's tool if it is the stand-in."""

    tool: Path | None
    python: str
    environment: dict[str, str]

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def validate(self, path: Path) -> None:
        """Fails unless the JSON document, a manifest or a list of some, fits the schemas of 1.31 and the newest."""
        subprocess.run([self.python, "-c", VALIDATE, path], check=True)
