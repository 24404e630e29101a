"""Slurm: what is rendered is a batch script, and a real Slurm runs a search to its end whatever happens to its jobs."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from search.cluster.engine import Engine
from search.cluster.engines.slurm import Slurm, ask_to_leave, job_from, quoted
from search.cluster.fleet import Fleet, Job, Resources
from search.cluster.testing import STORAGE, EngineContract, example_fleet
from tests.helpers.cluster import Cli, SlurmCluster, cut_off_python, files_but_logs, require_whole
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

TRIALS = 24
EPOCHS = 10  # so that the search isn't over before anything has happened to it

# Stands for the Python of a node: writes its arguments and what it finds in its environment.
PRINTS_ITS_ARGUMENTS = """\
#!{python}
import json, os, sys
with open({out!r}, "w") as file:
    json.dump({{"arguments": sys.argv[1:], "storage": os.environ.get("OPTUNA_STORAGE")}}, file)
raise SystemExit({code})
"""


def run_script(rendered: str, fleet: Fleet, folder: Path, code: int = 0) -> tuple[dict[str, Any], int]:
    """Runs a batch script whose Python prints its arguments; what it printed, and the script's exit code."""
    fleet.folder.mkdir(parents=True, exist_ok=True)
    (fleet.folder / "storage.url").write_text(fleet.storage)
    out = folder / "arguments.json"
    python = folder / "python"
    python.write_text(PRINTS_ITS_ARGUMENTS.format(python=sys.executable, out=str(out), code=code))
    python.chmod(0o755)
    script = folder / "script.sh"
    script.write_text(re.sub(r"^python ", f"{python} ", rendered, flags=re.MULTILINE))
    environment = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_END_TIME": "1795747028"}
    done = subprocess.run(["bash", script], env={**os.environ, **environment}, check=False, timeout=60)
    return json.loads(out.read_text()), done.returncode


class TestContract(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return Slurm()

    def require_valid(self, rendered: str) -> None:
        assert rendered.startswith("#!/bin/bash\n#SBATCH ")
        subprocess.run(["bash", "-n"], input=rendered, text=True, check=True)
        header = rendered.partition("\nunset")[0].splitlines()[1:]
        assert all(line.startswith("#SBATCH --") for line in header)

    def arguments_as_run(self, rendered: str, fleet: Fleet, folder: Path) -> list[str]:
        found, code = run_script(rendered, fleet, folder)
        assert code == 0
        arguments: list[str] = found["arguments"]
        return arguments


def test_the_worker_knows_its_job_its_end_and_its_database(tmp_path: Path) -> None:
    fleet = example_fleet(tmp_path / "cluster")
    found, code = run_script(Slurm().render(fleet, 1), fleet, tmp_path, code=1)
    assert code == 1
    assert {"--job=slurm:7_3", "--leave-before=1795747028"} <= set(found["arguments"])
    assert found["storage"] == STORAGE


def test_resources_become_options_and_those_typed_come_last(tmp_path: Path) -> None:
    resources = Resources(4, 1, 16 * 2**30, 4 * 3600, "gpu", "my lab", ("--constraint=a100", "--mem=20G"))
    fleet = Fleet("search-s-1", "S", (), tmp_path, STORAGE, resources)
    script = Slurm().render(fleet, 8)
    options = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH ")]
    assert options[4:] == [
        "--cpus-per-task=4",
        "--gres=gpu:1",
        "--mem=16384M",
        "--time=240",
        "--signal=B:USR1@60",
        "--partition=gpu",
        '--account="my lab"',
        "--constraint=a100",
        "--mem=20G",
        "--array=0-7",
    ]


def test_lines_of_setup_come_before_the_worker(tmp_path: Path) -> None:
    fleet = Fleet("search-s-1", "S", (), tmp_path, STORAGE, setup="module load cuda\nsource venv/bin/activate")
    script = Slurm().render(fleet, 1)
    assert script.index("module load cuda\nsource venv/bin/activate\n") < script.index("-m search.worker")


@pytest.mark.parametrize(("value", "line"), [("gpu", "gpu"), ("a b", '"a b"'), ('a"b', '"a\\"b"'), ("a#b", '"a#b"')])
def test_a_value_with_spaces_stays_one_value(value: str, line: str) -> None:
    assert quoted(value) == line


NOW = 1795821991


def line_of(
    job: str, state: str, host: str = "", start: int | str = "N/A", code: str = "0", reason: str = "None"
) -> str:
    return f"{job:48}{state:20}{host:64}{start!s:24}{code:12}{reason:64}"


@pytest.mark.parametrize(
    ("line", "job"),
    [
        (line_of("7_0", "PENDING", reason="Resources"), Job("7_0", "queued", reason="Resources")),
        (line_of("7_1", "RUNNING", "n1", NOW - 61), Job("7_1", "running", "n1", 61.0)),
        (line_of("7_5", "SUSPENDED", "n1", NOW - 61), Job("7_5", "queued", "n1", reason="suspended")),
        (
            line_of("7_2", "FAILED", "n1", NOW - 9, "512", "NonZeroExitCode"),
            Job("7_2", "failed", "n1", None, "failed, exit code 2"),
        ),
        (line_of("7_3", "TIMEOUT", "n1", NOW - 60), Job("7_3", "failed", "n1", None, "timeout, exit code 0")),
        (line_of("7_4", "CANCELLED"), Job("7_4", "done")),
    ],
)
def test_lines_of_squeue_are_read(line: str, job: Job) -> None:
    assert job_from(line, NOW) == job


def test_jobs_that_leave_are_asked_as_their_state_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm refuses a signal to a suspended job, and takes such a job for none that is pending."""
    said = tmp_path / "said"
    (tmp_path / "scancel").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (tmp_path / "scancel").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    lines = [line_of("7_0", "PENDING"), line_of("7_1", "RUNNING", "n1", NOW), line_of("7_2", "SUSPENDED", "n1", NOW)]
    ask_to_leave([job_from(line, NOW) for line in lines])
    assert said.read_text().splitlines() == ["7_2", "--state=PENDING 7_0", "--signal=USR2 --batch 7_1"]


@pytest.mark.long
def test_a_search_reaches_its_end_whatever_slurm_does_to_its_jobs(cli: Cli, slurm: SlurmCluster) -> None:
    """Jobs are canceled, queued again, preempted and lost with their node; the fleet grows and shrinks."""
    if slurm.tool is None:
        pytest.skip("kills a node: not on a cluster of others")
    cli.order(TRIALS, "--epochs", str(EPOCHS), "--limit-train", "400")
    flags = ("--cpus", "2", "--n-workers", "1", "--queue", "scavenge")
    cli.cluster("up", "--workers", "5", *flags, on="slurm")
    with cli.study() as study:
        hosts = wait_until(lambda: cli.at_work(5, on="slurm"), "five jobs at work")
        epochs = study.ledger.epoch_count()
        wait_until(lambda: study.ledger.epoch_count() > epochs, "epochs")
        [(_, [canceled, again]), (killed, _), (preempted, [victim])] = sorted(hosts.items())
        slurm("scancel", canceled)
        slurm("scontrol", "requeue", again)
        slurm.bed("kill-node", killed)
        slurm("sbatch", "--output=/dev/null", "--nodes=1", "--ntasks=4", f"--nodelist={preempted}", "--wrap=sleep 1")
        wait_until(lambda: restarts(slurm, victim) == 1, "the preempted job in the queue again")
        slurm.bed("start-node", killed)
        cli.cluster("scale", "6", on="slurm")
        for job in (again, victim):
            slurm("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm would wait for two minutes
        wait_until(lambda: cli.at_work(3, on="slurm") or study.ledger.counts().finished == TRIALS, "jobs that go on")
        cli.cluster("scale", "3", on="slurm")
        wait_until(lambda: study.ledger.counts().finished == TRIALS, "the last trial")
        require_whole(study, TRIALS, EPOCHS)
    assert restarts(slurm, again) == 1
    cli.cluster("down", on="slurm")
    folder = cli.folder / "artifacts" / "S" / "cluster"
    assert "starts again from epoch" not in "".join(path.read_text(errors="replace") for path in folder.glob("*.log"))
    assert files_but_logs(cli) == []


def restarts(slurm: SlurmCluster, job: str) -> int:
    """How often Slurm has queued a job again."""
    return int(slurm("squeue", "--noheader", "--states=all", f"--jobs={job}", "--Format=RestartCnt").split()[0])


@pytest.mark.long
def test_a_job_that_reaches_its_time_limit_is_queued_again_and_two_on_a_node_have_different_gpus(
    cli: Cli, slurm: SlurmCluster
) -> None:
    cli.order(200, "--epochs", "50")
    setup = f"echo $SLURMD_NODENAME gpu $CUDA_VISIBLE_DEVICES >> {cli.folder}/gpus"
    gpus = ("--gpus", "1") if slurm.tool is not None else ()
    cli.cluster("up", "--workers", "2", "--time", "1m", *gpus, "--setup", setup, on="slurm")
    lines = wait_until(lambda: len(found := (cli.folder / "gpus").read_text().splitlines()) == 2 and found, "jobs")
    assert slurm.tool is None or len(set(lines)) == 2
    wait_until(lambda: [place.state for place in cli.places(on="slurm")] == ["queued"] * 2, "the time limit")
    with cli.study() as study:
        assert {slot.failures + slot.expiries for slot in study.ledger.slots()} == {0}
        assert {slot.state for slot in study.ledger.slots()} <= {"waiting", "done"}
        assert {worker.left for worker in study.workers.all()} == {"out of time"}
    cli.cluster("down", on="slurm")


def test_what_slurm_refuses_is_passed_on_and_leaves_nothing(cli: Cli) -> None:
    cli.order(2)
    refused = cli.cluster("up", "--workers", "2", "--queue", "nowhere", on="slurm", code=2)
    assert "sbatch says: sbatch: error: invalid partition specified: nowhere" in refused.stderr
    refused = cli.cluster("up", "--workers", "2", "--gpus", "63", on="slurm", code=2)
    assert "Requested node configuration is not available" in refused.stderr
    assert not (cli.folder / "artifacts" / "S" / "cluster").exists()


def test_a_database_that_the_nodes_do_not_reach_is_found_by_one_job(cli: Cli) -> None:
    cli.order(2)
    python = cut_off_python(cli.folder)
    done = cli.cluster("up", "--workers", "3", "--python", str(python), on="slurm", code=3)
    assert "the first job ended before its worker joined the study (failed, exit code 3)" in done.stderr
    assert "127.0.0.1" in done.stderr
    assert files_but_logs(cli) == []


@pytest.mark.long
def test_the_commands_of_the_page_run(cli: Cli, slurm: SlurmCluster) -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    [site] = re.findall(r"^```toml\n# site.toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (cli.folder / "site.toml").write_text(site)
    found = [shlex.split(line) for line in page.splitlines() if line.startswith("python -m search.")]
    others = {"kubernetes", "ray", "search.status"}
    ours = [words[2:] for words in found if others.isdisjoint(words)]
    commands = [words for words in ours if words[0] == "search.cluster" or "--on" not in words]
    of_a_study, of_all = ["up", "status", "scale", "scale", "down"], ["autoscale", "status", "down"]
    assert [words[1] for words in commands[1:]] == [*of_a_study, *of_all, "render"]
    for module, *arguments in commands:
        local = [str(cli.folder / "artifacts") if word == "/shared/search" else word for word in arguments]
        said = cli.run(module, *local).stdout
    assert said.startswith("#!/bin/bash\n#SBATCH --job-name=search-bn-dropout-digits-")
    assert "#SBATCH --exclusive=user\n" in said
    assert slurm("squeue", "--noheader").split() == []
