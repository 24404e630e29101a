"""Ray: a job whose driver has one task for each place, over the API of jobs that every cluster's dashboard serves.

A task runs the workers as a process of its own. Ray starts it again on another node when its node is lost
(`max_retries=-1`), and the workers go on from the checkpoints. To leave, a place finds a file of its name in the
fleet's folder: Ray itself could only kill it. Nothing of ours is pickled but the task of the driver's script, which
Ray's own Python runs; the workers have the fleet's.
"""

import json
import os
import re
import shlex
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from search.cluster.calls import in_one_line
from search.cluster.file_systems import is_shared
from search.cluster.fleet import ACTIVE, STAYING, EngineName, Fleet, Job, JobState
from search.cluster.last_words import LastWords
from search.cluster.own_files import SECRET, remove_own, write_private
from search.cluster.ray_gpus import require_node_gpus
from search.errors import InfrastructureError, UsageError

ADDRESS = "RAY_API_SERVER_ADDRESS"
PATIENCE_S = 30.0
MOST_TASKS = 10_000
LEAVE = "leave"
ENDED = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})

SCRIPT_TEXT = '''\
"""One task of Ray for each place of a fleet; each runs `python -m search.worker`. Written by search.cluster."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import ray

FLEET = json.loads({fleet!r})
POLL_S = 1.0
GRACE_S = 60.0
UNFINISHED = 75


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a worker whose node is lost to Ray leaves


def path(place, ending):
    return os.path.join(FLEET["folder"], f"ray-{{place}}.{{ending}}")


def environment():
    with open(FLEET["secret"]) as file:
        found = {{**os.environ, "OPTUNA_STORAGE": file.read()}}
    found.pop("PYTHONPATH", None)  # Ray's own packages are none of the worker's
    if FLEET["module_path"]:
        found["PYTHONPATH"] = FLEET["module_path"]
    return found


def run_once(place):
    command = [*FLEET["command"], f"--job=ray:{{place}}"]
    words = ["bash", "-c", FLEET["setup"] + '\\nexec "$@"', "bash", *command]
    with open(path(place, "log"), "ab") as log:
        worker = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), preexec_fn=end_with_parent
        )
    told = None
    while worker.poll() is None:
        if told is None and os.path.exists(path(place, {leave!r})):
            worker.terminate()
            told = time.monotonic()
        if told is not None and time.monotonic() - told > GRACE_S:
            worker.kill()
        time.sleep(POLL_S)
    return worker.returncode


def work(place):
    while not os.path.exists(path(place, {leave!r})):
        code = run_once(place)
        if code == 0:
            return
        if code != UNFINISHED and code > 0:
            raise RuntimeError(f"search.worker ended with exit code {{code}}: see {{path(place, 'log')}}")


def main(submission, count):
    ray.init(log_to_driver=False)
    task = ray.remote(max_retries=-1, **FLEET["resources"])(work)
    places = [f"{{submission}}_{{number}}" for number in range(count)]
    left = [task.options(name=place).remote(place) for place in places]
    failed = False
    while left:
        done, left = ray.wait(left)
        for one in done:
            try:
                ray.get(one)
            except Exception as error:
                print(error, file=sys.stderr)
                failed = True
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
'''
SCRIPT = "driver.py"  # named ray, it would be what it imports


class Ray:
    """The engine for Ray; see the module."""

    name: EngineName = "ray"
    writes_files = True

    def render(self, fleet: Fleet, count: int) -> str:  # noqa: ARG002 - the number is an argument of the script
        """The driver's script."""
        words = [fleet.python, "-P", "-m", "search.worker", "-v", *fleet.worker]
        told = {
            "folder": str(fleet.folder),
            "secret": str(fleet.folder / SECRET),
            "command": words,
            "setup": fleet.setup,
            "module_path": fleet.module_path,
            "resources": resource_options(fleet),
        }
        return SCRIPT_TEXT.format(fleet=json.dumps(told), leave=LEAVE)

    def require_accepted(self, fleet: Fleet, count: int) -> None:
        """Checks what can be said without submitting anything, and that a node has the GPUs."""
        self.render(fleet, count)
        if fleet.resources.gpus:
            require_node_gpus(_ask, fleet.resources.gpus)

    def shares_files(self, fleet: Fleet, /) -> bool:
        """Whether the folder is on a network's file system, or all nodes are this machine."""
        return is_shared(fleet.folder) or nodes_are_here()

    def submit(self, fleet: Fleet, count: int) -> None:
        """Submits a job with this many places; the script and the secret stay in the fleet's folder."""
        if count < 1:
            return
        submission = f"{fleet.name}-{next_number(fleet)}"
        fresh = not (fleet.folder / SCRIPT).exists()
        script = fleet.folder / SCRIPT
        try:
            write_private(fleet.folder / SECRET, fleet.storage)
            write_private(script, self.render(fleet, count))
            job = {
                "submission_id": submission,
                "entrypoint": f"python {shlex.quote(str(script))} {submission} {count}",
                "metadata": {"places": str(count)},
            }
            _ask("/api/jobs/", job)
        except BaseException:
            if fresh:
                remove_own(fleet.folder, SCRIPT, SECRET)
            raise

    def list(self, fleet: Fleet) -> tuple[Job, ...]:
        """The places of all jobs of the fleet that Ray remembers."""
        return tuple(place for job in jobs_of(fleet) for place in places_of(job))

    def last_words(self, fleet: Fleet, job: Job) -> LastWords:
        """The end of the place's log."""
        return LastWords.in_log(fleet.folder / f"ray-{job.job_id}.log")

    def scale(self, fleet: Fleet, count: int) -> None:
        """Submits what is missing; of what is too many, those that wait go first."""
        asked = {path.name for path in fleet.folder.glob(f"ray-*.{LEAVE}")}
        staying = [job for job in self.list(fleet) if job.state in STAYING and f"ray-{job.job_id}.{LEAVE}" not in asked]
        if len(staying) < count:
            self.require_accepted(fleet, count - len(staying))
            self.submit(fleet, count - len(staying))
            return
        ordered = sorted(staying, key=lambda job: job.state)  # queued before running
        for job in ordered[: len(staying) - count]:
            write_private(fleet.folder / f"ray-{job.job_id}.{LEAVE}", "")

    def cancel(self, fleet: Fleet) -> None:
        """Asks all to leave; the secret goes with them, and the logs stay."""
        self.scale(fleet, 0)
        if not any(job.state in ACTIVE for job in self.list(fleet)):
            leaves = [path.name for path in fleet.folder.glob(f"ray-*.{LEAVE}")]
            remove_own(fleet.folder, SCRIPT, SECRET, *leaves)


def resource_options(fleet: Fleet) -> dict[str, Any]:
    """What each task asks of Ray.

    Raises:
        UsageError: something that Ray has no word for.
    """
    resources = fleet.resources
    alien = {"--queue": resources.queue, "--account": resources.account, "--time": resources.time_s}
    if given := [flag for flag, value in alien.items() if value is not None]:
        raise UsageError(f"Ray has no {' and no '.join(given)}: leave it out; --option NAME=1 asks for a resource")
    memory = {} if resources.memory is None else {"memory": resources.memory}
    own = {"resources": dict(map(custom_resource, resources.options))} if resources.options else {}
    return {"num_cpus": resources.cpus, "num_gpus": resources.gpus, **memory, **own}


def custom_resource(option: str) -> tuple[str, float]:
    """A resource of the cluster's own, from NAME=AMOUNT.

    Raises:
        UsageError: it has another form.
    """
    name, _, amount = option.partition("=")
    if not name or not re.fullmatch(r"\d+(\.\d+)?", amount):
        raise UsageError(f"--option {option}: give a resource of the cluster as NAME=AMOUNT, as in --option a100=1")
    return name, float(amount)


def next_number(fleet: Fleet) -> int:
    """The number of the fleet's next job."""
    taken = [int(str(job["submission_id"]).rpartition("-")[2]) for job in jobs_of(fleet)]
    return max(taken, default=0) + 1


def jobs_of(fleet: Fleet) -> list[dict[str, Any]]:
    """The fleet's jobs, the oldest first."""
    own = re.compile(re.escape(fleet.name) + r"-\d+")
    found = [job for job in _ask("/api/jobs/") if own.fullmatch(job.get("submission_id") or "")]
    return sorted(found, key=lambda job: int(job["submission_id"].rpartition("-")[2]))


def places_of(job: Mapping[str, Any]) -> list[Job]:
    """The places of a job. A task that was tried several times is as its last attempt."""
    names = [f"{job['submission_id']}_{number}" for number in range(int((job.get("metadata") or {}).get("places", 0)))]
    over = job["status"] in ENDED
    tasks = tasks_of(job["job_id"]) if job.get("job_id") else {}
    return [place_of(name, tasks.get(name), over=over, said=job.get("message") or "") for name in names]


def place_of(name: str, task: Mapping[str, Any] | None, *, over: bool, said: str) -> Job:
    """A place, from what Ray knows of its task: nothing before the driver runs."""
    state = "" if task is None else str(task["state"])
    started = None if task is None else task.get("start_time_ms")
    if state == "FINISHED":
        return Job(name, "done")
    if state == "FAILED" or over:
        words = in_one_line(str((task or {}).get("error_message") or said))
        return Job(name, "failed", reason=words[-200:])
    if state.startswith("RUNNING"):
        return Job(name, "running", str((task or {}).get("node_id") or "")[:12], age_of(started))
    queued: JobState = "queued"
    return Job(name, queued, reason=state.lower())


def age_of(started_ms: object) -> float | None:
    """The seconds since a time in milliseconds, by this machine's clock."""
    return max(0.0, time.time() - started_ms / 1000) if isinstance(started_ms, int | float) else None


def tasks_of(job_id: str) -> dict[str, Mapping[str, Any]]:
    """The last attempt of each task of a job, by the task's name."""
    query = {
        "detail": "true",
        "limit": str(MOST_TASKS),
        "filter_keys": "job_id",
        "filter_predicates": "=",
        "filter_values": job_id,
    }
    answer = _ask(f"/api/v0/tasks?{urllib.parse.urlencode(query)}")
    found: dict[str, Mapping[str, Any]] = {}
    for task in sorted(answer["data"]["result"]["result"], key=lambda one: one.get("attempt_number", 0)):
        found[task["name"]] = task
    return found


def nodes_are_here() -> bool:
    """Whether all nodes are this machine. One that has just joined is known by its raylet's name alone."""
    nodes = _ask("/nodes?view=summary")["data"]["summary"]
    hosts = {node.get("hostname") or node.get("raylet", {}).get("nodeManagerHostname", "") for node in nodes}
    return hosts <= {socket.gethostname(), socket.gethostname().partition(".")[0]}


def _ask(path: str, document: Mapping[str, Any] | None = None) -> Any:
    """What the cluster's dashboard answers; with a document, it is posted.

    Raises:
        UsageError: no cluster is named, or it refuses, in its own words.
        InfrastructureError: it doesn't answer.
    """
    address = os.environ.get(ADDRESS, "")
    if not address.startswith(("http://", "https://")):
        raise UsageError(f"which Ray? Set {ADDRESS} to its dashboard's address, as in http://HEAD:8265")
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked
        address.rstrip("/") + path, data, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        said = in_one_line(error.read().decode(errors="replace"))[-500:]
        kind = UsageError if error.code < HTTPStatus.INTERNAL_SERVER_ERROR else InfrastructureError
        raise kind(f"Ray at {address} says: {said or error.reason}") from None
    except (OSError, ValueError) as error:
        raise InfrastructureError(f"Ray at {address} doesn't answer: {error}") from None
