"""docker-compose.yml really run, from a clean copy, while workers are killed, the database restarts and the number of
workers changes.

It needs a Docker engine and Compose, builds the image and takes about ten minutes, so that it has to be asked for:

    SEARCH_COMPOSE_TESTS=1 python -m pytest -s tests/compose/test_compose_run.py

COMPOSE="docker-compose" runs it with Compose 1.29.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.paths import ROOT

STUDY = "bn_dropout-digits"
TRIALS = 400  # which take longer than what happens to the containers meanwhile
EPOCHS = 3
LOGIN = "a-token-of-the-test"
PASSWORD = "p@ss:w/r%d"  # noqa: S105 - of a database that lives as long as the test
PATIENCE_S = 900.0

KILL_THE_WORKER = """
import psutil
workers = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"][:3] == ["python", "-m", "search.worker"]]
assert len(workers) == 1, workers
workers[0].kill()
"""

# Nothing of ours: what any Optuna client sees of the study.
READ_WITH_PLAIN_OPTUNA = f"""
import collections, json, os, optuna
trials = optuna.load_study(study_name={STUDY!r}, storage=os.environ["OPTUNA_STORAGE"]).trials
states = collections.Counter(trial.state.name for trial in trials)
complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
epochs = sorted({{tuple(sorted(trial.intermediate_values)) for trial in complete}})
print(json.dumps({{"trials": len(trials), "states": states, "epochs of complete trials": epochs}}))
"""


def why_not() -> str | None:
    """Why the test can't or needn't run, None if it is to run."""
    command = "SEARCH_COMPOSE_TESTS=1 python -m pytest -s tests/compose/test_compose_run.py"
    if os.environ.get("SEARCH_COMPOSE_TESTS") != "1":
        return f"docker-compose.yml was not run: it takes about ten minutes; to do it: {command}"
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        return "docker-compose.yml was not run: `docker info` finds no Docker engine here"
    return None


REASON = why_not()
pytestmark = [pytest.mark.long, pytest.mark.skipif(REASON is not None, reason=str(REASON))]


@dataclass(frozen=True)
class Project:
    """The Compose project of a copy of the repository."""

    folder: Path
    port: int

    def compose(self, *arguments: str) -> str:
        """Runs a command of Compose in the copy; returns what it prints on standard output."""
        return output([*self._command, *arguments], cwd=self.folder)

    def up(self, workers: int) -> None:
        """Starts what isn't running, and brings the workers to that number."""
        try:
            self.compose("up", "--detach", "--build", "--scale", f"worker={workers}")
        except subprocess.CalledProcessError as error:
            error.add_note(self.compose("logs", "--no-color", "--tail=30", "init", "postgres"))
            raise

    @property
    def _command(self) -> list[str]:
        return shlex.split(os.environ.get("COMPOSE", "docker compose"))

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers, running or not."""
        label = f"com.docker.compose.project.working_dir={self.folder}"
        names = [f"--filter=label={label}", f"--filter=label=com.docker.compose.service={service}"]
        # Compose 1.29 makes containers of `run`, too, and labels them alike.
        return output(
            ["docker", "ps", "--all", "--quiet", *names, "--filter=label=com.docker.compose.oneoff=False"]
        ).split()

    def query(self, sql: str) -> str:
        """What the database says."""
        return self.compose("exec", "-T", "postgres", "psql", "-U", "search", "-d", "search", "-tAc", sql).strip()

    def finished(self) -> int:
        """How many trials are finished, in Optuna's own table; -1 while the database is away."""
        try:
            return int(self.query("SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')"))
        except subprocess.CalledProcessError:
            return -1

    def hosts_at_work(self) -> set[str]:
        """The containers whose worker holds a trial."""
        held = "SELECT DISTINCT host FROM search_slots JOIN search_workers USING (study_id, worker_id)"
        return set(self.query(f"{held} WHERE search_slots.state = 'leased' AND left_reason IS NULL").split())


def output(command: list[str], cwd: Path | None = None) -> str:
    """What a command prints on standard output; what it says on standard error is shown when the test fails."""
    unset = ("POSTGRES_PASSWORD", "DASHBOARD_LOGIN")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def inspect(container: str, template: str) -> str:
    """What the engine knows of a container."""
    return output(["docker", "inspect", "--format", template, container]).strip()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Waits for a condition, whose coming is what is tested."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        time.sleep(1)


def tell(what: str) -> None:
    """Shows a step of the run (pytest -s)."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def copy_repository(target: Path) -> None:
    """What a clone would have: the files that git knows or would take, without those that it ignores."""
    names = output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A clean copy with a password and a small study set."""
    folder = tmp_path_factory.mktemp("clone").resolve()
    copy_repository(folder)
    port = free_port()
    settings = {
        "POSTGRES_PASSWORD": PASSWORD,
        "DASHBOARD_LOGIN": LOGIN,
        "SEARCH_N_TRIALS": TRIALS,
        "SEARCH_EPOCHS": EPOCHS,
        "DASHBOARD_PORT": port,
        "COMPOSE_PROJECT_NAME": f"search-test-{port}",
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    project = Project(folder, port)
    try:
        yield project
    finally:
        project.compose("--profile", "fleet", "down", "--volumes", "--timeout", "20")


def test_a_search_loses_nothing_while_its_containers_come_and_go(project: Project) -> None:
    tell("building, and starting 3 workers")
    project.up(workers=3)
    wait_until(lambda: len(project.hosts_at_work()) == 3, "all three workers have a trial in hand")

    kill_a_worker(project)
    wait_until(lambda: project.finished() >= 10, "some trials are finished")

    done = project.finished()
    for _ in range(3):
        tell(f"{done} of {TRIALS} trials finished; restarting the database")
        project.compose("restart", "postgres")
        done = wait_for_progress(project, done)

    tell(f"{done} of {TRIALS} trials finished; scaling down to 1 worker")
    project.up(workers=1)
    assert len(project.containers("worker")) == 1
    done = wait_for_progress(project, done)

    tell(f"{done} of {TRIALS} trials finished; scaling up to 4 workers")
    project.up(workers=4)
    assert len(project.containers("worker")) == 4
    assert project.finished() < TRIALS, (
        "the study was done before its number of workers was changed: give it more trials"
    )

    wait_until(lambda: all(has_ended(worker) for worker in project.containers("worker")), "all workers have ended")
    found = read_with_plain_optuna(project)
    tell(f"plain Optuna reads: {json.dumps(found)}")
    assert found["trials"] == TRIALS
    assert set(found["states"]) <= {"COMPLETE", "PRUNED"}
    assert found["epochs of complete trials"] == [list(range(1, EPOCHS + 1))]
    assert [inspect(worker, "{{.State.ExitCode}}") for worker in project.containers("worker")] == ["0"] * 4


def kill_a_worker(project: Project) -> None:
    """Kills the worker process in a container, with a trial in hand; the engine starts the container again."""
    victim = project.containers("worker")[0]
    tell(f"killing the worker of container {victim}, which has a trial in hand")
    output(["docker", "exec", victim, "python", "-c", KILL_THE_WORKER])
    wait_until(lambda: inspect(victim, "{{.RestartCount}} {{.State.Running}}") == "1 true", "it is started again")
    tell(f"container {victim} was started again")


def wait_for_progress(project: Project, done: int) -> int:
    """Waits until two trials more than `done` are finished; returns how many are."""
    wait_until(lambda: project.finished() >= done + 2, "trials go on being finished")
    return project.finished()


def has_ended(container: str) -> bool:
    return inspect(container, "{{.State.Status}}") == "exited"


def read_with_plain_optuna(project: Project) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        project.compose("exec", "-T", "dashboard", "python", "-c", READ_WITH_PLAIN_OPTUNA).splitlines()[-1]
    )
    return read


def test_more_trials_are_ordered_and_run_by_healthy_workers(project: Project) -> None:
    settings = project.folder / ".env"
    settings.write_text(settings.read_text().replace(f"N_TRIALS={TRIALS}", f"N_TRIALS={2 * TRIALS}"))
    project.up(workers=1)
    (worker,) = project.containers("worker")
    wait_until(lambda: inspect(worker, "{{.State.Health.Status}}") == "healthy", "the worker is healthy")
    tell(f"the worker is healthy, with {project.finished()} trials finished")

    output(["docker", "stop", "--time", "60", worker])
    assert inspect(worker, "{{.State.ExitCode}}") == "75"
    assert project.query("SELECT count(*) FROM search_slots WHERE state = 'leased'") == "0"
    tell("docker stop: the worker has given its trial back and ended with exit code 75")


def test_the_dashboard_shows_the_study_on_loopback_only(project: Project) -> None:
    (dashboard,) = project.containers("dashboard")
    wait_until(lambda: inspect(dashboard, "{{.State.Health.Status}}") == "healthy", "the dashboard is healthy")
    studies = f"http://127.0.0.1:{project.port}/api/studies"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(studies)
    asked = urllib.request.Request(studies, headers={"Authorization": f"Bearer {LOGIN}"})
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own address
        assert [study["study_name"] for study in json.load(answer)["study_summaries"]] == [STUDY]
    bound = json.loads(inspect(dashboard, "{{json .NetworkSettings.Ports}}"))
    assert bound == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(project.port)}]}


def test_the_database_is_not_published(project: Project) -> None:
    (database,) = project.containers("postgres")
    assert json.loads(inspect(database, "{{json .NetworkSettings.Ports}}")) == {"5432/tcp": None}


def test_no_log_holds_the_password(project: Project) -> None:
    assert PASSWORD not in project.compose("logs", "--no-color")


def test_what_runs_is_not_root_and_cannot_write_the_image(project: Project) -> None:
    (dashboard,) = project.containers("dashboard")
    tried = "import os; print(os.getuid()); open('/opt/x', 'w')"
    done = subprocess.run(["docker", "exec", dashboard, "python", "-c", tried], capture_output=True, text=True)
    assert done.stdout == "10001\n"
    assert "Read-only file system" in done.stderr


def test_a_fleet_serves_the_studies_that_are_submitted(project: Project) -> None:
    project.compose("up", "--detach", "--build", "--scale", "fleet=2", "fleet", "dashboard")
    for name in ("first", "second"):
        settings = ("SEARCH_STUDY_NAME=" + name, "SEARCH_N_TRIALS=4", "SEARCH_EPOCHS=2", "SEARCH_PRUNER=none")
        project.compose("run", "--rm", "-T", *(f"-e{setting}" for setting in settings), "init")
        tell(f"submitted {name}")
    done = """SELECT count(*) FROM search_slots JOIN studies USING (study_id)
        WHERE study_name IN ('first', 'second') AND outcome = 'complete'"""
    wait_until(lambda: project.query(done) == "8", "all trials of both studies are complete")
    fleet = project.containers("fleet")
    assert [inspect(worker, "{{.State.Running}} {{.RestartCount}}") for worker in fleet] == ["true 0"] * 2
    wait_until(lambda: {inspect(worker, "{{.State.Health.Status}}") for worker in fleet} == {"healthy"}, "health")
    by_study = "SELECT count(DISTINCT host) FROM search_workers JOIN studies USING (study_id) WHERE study_name = '{}'"
    tell(f"hosts by study: {[project.query(by_study.format(name)) for name in ('first', 'second')]}")
