"""Ray: what is rendered is a driver's script, and a real Ray runs a search to its end though a node is lost."""

import ast
import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from search.cluster.engine import Engine
from search.cluster.engines import ray
from search.cluster.engines.ray import ADDRESS, Ray, place_of, places_of
from search.cluster.fleet import Fleet, Job, Resources
from search.cluster.testing import STORAGE, EngineContract, example_fleet
from search.errors import InfrastructureError, UsageError
from tests.helpers.cluster import Cli, cut_off_python, files_but_logs, require_tool, require_whole, words
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

TRIALS, EPOCHS = 16, 3

# Stands for Ray in the driver's script: its tasks run at once, in the same process.
STUB_RAY = """\
def init(**_): pass
def remote(**options):
    assert options["max_retries"] == -1
    def decorate(function):
        class Task:
            def options(self, name): return self
            def remote(self, *arguments): return function(*arguments)
        return Task()
    return decorate
def wait(left): return left, []
def get(one): return one
"""
PRINTS_ITS_ARGUMENTS = """\
#!{python}
import json, os, sys
with open({out!r}, "w") as file:
    json.dump({{"arguments": sys.argv[1:], "storage": os.environ.get("OPTUNA_STORAGE")}}, file)
"""


def run_script(rendered: str, fleet: Fleet, folder: Path) -> dict[str, Any]:
    """Runs a driver's script with a stub of Ray and a Python that prints its arguments; what that printed."""
    fleet.folder.mkdir(parents=True, exist_ok=True)
    (fleet.folder / "storage.url").write_text(fleet.storage)
    out, python = folder / "arguments.json", folder / "python"
    python.write_text(PRINTS_ITS_ARGUMENTS.format(python=sys.executable, out=str(out)))
    python.chmod(0o755)
    (folder / "ray.py").write_text(STUB_RAY)
    script = folder / "driver.py"
    script.write_text(rendered)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, script, "job-1", "1"], env={**os.environ, **path}, check=False, timeout=60, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(out.read_text())
    return found


class TestContract(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return Ray()

    def require_valid(self, rendered: str) -> None:
        ast.parse(rendered)

    def arguments_as_run(self, rendered: str, fleet: Fleet, folder: Path) -> list[str]:
        arguments: list[str] = run_script(rendered, fleet, folder)["arguments"]
        return arguments

    def hide_engine(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:  # noqa: ARG002
        monkeypatch.delenv(ADDRESS, raising=False)


def test_the_worker_knows_its_place_and_its_database(tmp_path: Path) -> None:
    fleet = example_fleet(tmp_path / "cluster")
    found = run_script(Ray().render(fleet, 1), fleet, tmp_path)
    assert "--job=ray:job-1_0" in found["arguments"]
    assert found["storage"] == STORAGE


def test_resources_become_those_of_the_tasks(tmp_path: Path) -> None:
    resources = Resources(4, 1, 16 * 2**30, options=("a100=1", "disk=0.5"))
    fleet = Fleet("search-s-1", "S", (), tmp_path, STORAGE, resources)
    assert ray.resource_options(fleet) == {
        "num_cpus": 4,
        "num_gpus": 1,
        "memory": 16 * 2**30,
        "resources": {"a100": 1.0, "disk": 0.5},
    }


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (Resources(queue="gpu", time_s=60.0), "Ray has no --queue and no --time"),
        (Resources(options=("--exclusive",)), "--option --exclusive: give a resource of the cluster as NAME=AMOUNT"),
    ],
)
def test_what_ray_has_no_word_for_is_refused(resources: Resources, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        Ray().render(Fleet("search-s-1", "S", (), tmp_path, STORAGE, resources), 1)


@pytest.mark.parametrize(
    ("task", "over", "job"),
    [
        (None, False, Job("p", "queued")),
        ({"state": "PENDING_NODE_ASSIGNMENT"}, False, Job("p", "queued", reason="pending_node_assignment")),
        ({"state": "RUNNING", "node_id": "0123456789abcdef"}, False, Job("p", "running", "0123456789ab")),
        ({"state": "FINISHED"}, True, Job("p", "done")),
        (
            {"state": "FAILED", "error_message": "ended with exit code 2"},
            False,
            Job("p", "failed", reason="ended with exit code 2"),
        ),
        ({"state": "RUNNING"}, True, Job("p", "failed", reason="the driver is gone")),
    ],
)
def test_tasks_are_read(task: dict[str, Any] | None, *, over: bool, job: Job) -> None:
    assert place_of("p", task, over=over, said="the driver is gone") == job


def test_a_task_that_was_tried_again_is_as_its_last_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [
        {"name": "j-1_0", "state": "RUNNING", "attempt_number": 1, "node_id": "second"},
        {"name": "j-1_0", "state": "FAILED", "attempt_number": 0, "node_id": "first"},
    ]
    monkeypatch.setattr(ray, "_ask", lambda _: {"data": {"result": {"result": tasks}}})
    job = {"submission_id": "j-1", "job_id": "02000000", "status": "RUNNING", "metadata": {"places": "2"}}
    assert places_of(job) == [Job("j-1_0", "running", "second"), Job("j-1_1", "queued")]


@pytest.mark.parametrize(
    ("nodes", "here"),
    [
        ([{"hostname": socket.gethostname()}, {"raylet": {"nodeManagerHostname": socket.gethostname()}}], True),
        ([{"hostname": socket.gethostname()}, {"raylet": {"nodeManagerHostname": "elsewhere"}}], False),
        ([{"hostname": socket.gethostname()}, {}], False),
    ],
)
def test_nodes_that_have_just_joined_are_known_by_their_raylet(
    nodes: list[dict[str, Any]], *, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "_ask", lambda _: {"data": {"summary": nodes}})
    assert ray.nodes_are_here() is here


@pytest.mark.parametrize("address", ["", "host:8265", "file:///etc/passwd"])
def test_a_ray_that_isn_t_named_is_asked_for(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(UsageError, match=rf"Set {ADDRESS} .* http://HEAD:8265"):
        Ray().list(example_fleet(tmp_path))


def test_a_ray_that_doesn_t_answer_isn_t_the_person_s_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:1")
    with pytest.raises(InfrastructureError, match="doesn't answer"):
        Ray().list(example_fleet(tmp_path))


@dataclass(frozen=True)
class RayCluster:
    """A Ray, and the test bed's tool if it is the test bed's."""

    tool: Path | None
    environment: dict[str, str]

    def bed(self, *command: str) -> str:
        assert self.tool is not None
        return words(self.tool, *command, environment=self.environment)


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[RayCluster]:
    """The Ray of RAY_API_SERVER_ADDRESS, else the test bed with two nodes of two processors."""
    if os.environ.get(ADDRESS):
        yield RayCluster(None, {})
        return
    tool = require_tool("ray-testbed")
    libraries = Path(os.environ.get("RAY_TESTBED_LIBS", "/tmp/ray-testbed-libs"))  # noqa: S108 - the tool's own default
    if not (libraries / "ray").is_dir():
        pytest.skip(f"Ray's packages take 360 MB and aren't part of the tests: `{tool} install` gets them")
    with FileLock("/tmp/search-ray-testbed.lock"):  # noqa: S108 - its ports are the machine's
        words(tool, "stop")  # of a run that was killed
        words(tool, "start", "2")
        told = dict(line.removeprefix("export ").split("=", 1) for line in words(tool, "env").split() if "=" in line)
        yield RayCluster(tool, {ADDRESS: told[ADDRESS]})
        words(tool, "stop")


@pytest.fixture
def ray_cli(postgres_url: str, tmp_path: Path, ray_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> Cli:
    given = os.environ.get("SEARCH_TEST_SHARED_DIR")
    for name, value in ray_cluster.environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path if given is None else Path(given) / tmp_path.name
    return Cli(postgres_url, folder, ray_cluster.environment)


@pytest.mark.long
def test_a_search_reaches_its_end_though_a_node_is_lost(ray_cli: Cli, ray_cluster: RayCluster) -> None:
    """The fleet grows and shrinks, and the places of a lost node come again on the other one."""
    cli = ray_cli
    if ray_cluster.tool is None:
        pytest.skip("kills a node: not on a cluster of others")
    cli.order(TRIALS, "--epochs", str(EPOCHS), "--limit-train", "400")
    cli.cluster("up", "--workers", "3", "--python", sys.executable, on="ray")
    with cli.study() as study:
        hosts = wait_until(lambda: cli.at_work(3, on="ray"), "three places at work")
        assert len(hosts) == 2
        ray_cluster.bed("kill-node", "1")
        cli.cluster("scale", "2", on="ray")
        wait_until(lambda: study.ledger.counts().finished == TRIALS, "the last trial")
        require_whole(study, TRIALS, EPOCHS)
    cli.cluster("down", on="ray")
    folder = cli.folder / "artifacts" / "S" / "cluster"
    assert "starts again from epoch" not in "".join(path.read_text(errors="replace") for path in folder.glob("*.log"))
    assert files_but_logs(cli) == []


@pytest.mark.long
def test_a_database_that_the_nodes_do_not_reach_is_found_by_one_place(ray_cli: Cli) -> None:
    ray_cli.order(2)
    python = cut_off_python(ray_cli.folder)
    done = ray_cli.cluster("up", "--workers", "3", "--python", str(python), on="ray", code=3)
    assert "the first job ended before its worker joined the study" in done.stderr
    assert "127.0.0.1" in done.stderr
    assert files_but_logs(ray_cli) == []


@pytest.mark.long
def test_the_commands_of_the_page_run(ray_cli: Cli) -> None:
    ray_cli.order(1, "--epochs", "1", name="bn_dropout-digits")
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    commands = [
        shlex.split(line)[2:] for line in page.splitlines() if line.startswith("python -m ") and "--on ray" in line
    ]
    assert [command[1] for command in commands] == ["up", "status", "down"]
    for module, *arguments in commands:
        ray_cli.run(module, *arguments)
