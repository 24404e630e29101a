"""Slurm: an array of batch jobs. Works without accounting, from squeue alone.

The batch process is a shell that stays: Slurm signals it alone where it warns of a time limit or is asked to, and all
processes of the job where it ends one. So three signals mean three things to the script:

    USR1  the time limit is near (`--signal`): the worker gives its trial back, and the job is queued again;
    USR2  the fleet is scaled down: the worker gives its trial back, and the job is done;
    TERM  Slurm ends the job (scancel, preemption, a node that is taken down): the worker gives its trial back, and the
          script waits for its end, so that Slurm queues a preempted job again instead of seeing it completed.

A worker that finds that no epoch fits any more leaves by itself, and the job is queued again. The requeued job goes on
from the checkpoints.
"""

import math
import os
import re
import shlex
import socket
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import assert_never

from search.cluster.calls import call
from search.cluster.file_systems import is_shared
from search.cluster.fleet import ACTIVE, STAYING, EngineName, Fleet, Job, JobState, Resources
from search.cluster.last_words import LastWords
from search.cluster.own_files import SECRET, remove_own, write_private
from search.errors import UsageError

SCRIPT = "slurm.sh"
MOST_IN_ARRAY = 1000  # Slurm's own limit (MaxArraySize) unless it is set otherwise
WARNING_S = 60
SHORTEST_WARNED_S = 300  # Slurm's warning comes up to a minute early: in a shorter job it would come at the start
SECRETS = frozenset({"OPTUNA_STORAGE", "SEARCH_STORAGE", "SEARCH_CONFIG"})
AWAY = ("Unable to contact slurm controller", "Connection refused", "Socket timed out", "Zero Bytes were transmitted")
# What sbatch --test-only says of jobs that would wait, as their nodes or partition are down or reserved for now.
BUSY = ("Required node not available", "partition configuration not available now")
FIELDS = {"JobArrayID": 48, "State": 20, "NodeList": 64, "StartTime": 24, "exit_code": 12, "Reason": 64}
NODE_HOST = re.compile(r"NodeHostName=(\S+)")
SUSPENDED = frozenset({"SUSPENDED", "STOPPED"})
QUEUED = SUSPENDED | {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"}
IS_SUSPENDED = "suspended"  # the reason of such a job
RUNNING = frozenset({"RUNNING", "CONFIGURING", "SIGNALING", "RESIZING", "STAGE_OUT"})

_slurm = partial(call, hint="run this on a host that submits to Slurm, such as a login node", away=AWAY)

SCRIPT_TEXT = """\
#!/bin/bash
{options}
unset requeue leave stay
trap 'requeue=1; end_worker' USR1
trap 'leave=1; end_worker' USR2
trap 'stay=1; end_worker' TERM
worker=
end_worker() {{ [ -z "$worker" ] || kill -TERM "$worker" 2>/dev/null; }}
task=${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}
{setup}
if [ -z "$SLURM_JOB_END_TIME" ]; then  # Slurm before 22.11 doesn't say it
  read -r limit end <<< "$(squeue --noheader --jobs="$task" --format='%l %e' 2>/dev/null)"
  # Without a limit it may be the end of the time before the job was queued again.
  [ "$limit" = UNLIMITED ] || SLURM_JOB_END_TIME=$(date -d "$end" +%s 2>/dev/null)
fi
OPTUNA_STORAGE=$(< {secret}) || {{ echo "$(hostname) can't read {secret}: does it share that folder?" >&2; exit 2; }}
export OPTUNA_STORAGE
{command} --job="slurm:$task" ${{SLURM_JOB_END_TIME:+--leave-before="$SLURM_JOB_END_TIME"}} &
worker=$!
[ -z "$requeue$leave$stay" ] || end_worker
while wait "$worker"; code=$?; kill -0 "$worker" 2>/dev/null; do :; done

if [ -n "$leave" ]; then exit 0; fi
while [ -n "$stay" ]; do sleep infinity & wait $!; done
if [ "$code" = 75 ] || [ -n "$requeue" ]; then
  [ "$code" = 0 ] || scontrol requeue "$task"
fi
exit "$code"
"""


class Slurm:
    """The engine for Slurm; see the module."""

    name: EngineName = "slurm"
    writes_files = True

    def render(self, fleet: Fleet, count: int) -> str:
        """The batch script."""
        options = [*sbatch_options(fleet), f"--array=0-{max(count, 1) - 1}"]
        setup = [f"export PYTHONPATH={shlex.quote(fleet.module_path)}"] if fleet.module_path else []
        words = (fleet.python, "-P", "-m", "search.worker", "-v", *fleet.worker)
        return SCRIPT_TEXT.format(
            options="\n".join(f"#SBATCH {option}" for option in options),
            setup="\n".join([*setup, fleet.setup]).strip("\n"),
            secret=shlex.quote(str(fleet.folder / SECRET)),
            command=shlex.join(words),
        )

    def require_accepted(self, fleet: Fleet, count: int) -> None:
        """Has sbatch check the script, for its partition, account and resources, without submitting it."""
        words = ["sbatch", "--test-only", f"--array=0-{min(max(count, 1), MOST_IN_ARRAY) - 1}"]
        try:
            _slurm(words, stdin=self.render(fleet, count), environment=without_secrets())
        except UsageError as error:
            if not any(text in str(error) for text in BUSY):
                raise

    def shares_files(self, fleet: Fleet, /) -> bool:
        """Whether the folder is on a network's file system, or all nodes are this machine."""
        return is_shared(fleet.folder) or nodes_are_here()

    def submit(self, fleet: Fleet, count: int) -> None:
        """Submits arrays of jobs; the script and the secret stay in the fleet's folder."""
        fresh = not (fleet.folder / SCRIPT).exists()
        try:
            write_private(fleet.folder / SECRET, fleet.storage)
            write_private(fleet.folder / SCRIPT, self.render(fleet, count))
            for size in array_sizes(count):
                words = ["sbatch", "--parsable", f"--array=0-{size - 1}", str(fleet.folder / SCRIPT)]
                _slurm(words, environment=without_secrets())
        except BaseException:
            if fresh:
                remove_own(fleet.folder, SCRIPT, SECRET)
            raise

    def list(self, fleet: Fleet) -> tuple[Job, ...]:
        """The jobs, from squeue, which remembers those that ended for some minutes (MinJobAge)."""
        wanted = ",".join(f"{name}:{width}" for name, width in FIELDS.items())
        which = ["--me", "--array", "--noheader", "--states=all", f"--name={fleet.name}"]
        environment = {**os.environ, "SLURM_TIME_FORMAT": "%s"}
        lines = _slurm(["squeue", *which, f"--Format={wanted}"], environment=environment).splitlines()
        return tuple(job_from(line, time.time()) for line in lines if line.strip())

    def last_words(self, fleet: Fleet, job: Job) -> LastWords:
        """The end of the job's log."""
        return LastWords.in_log(fleet.folder / f"slurm-{job.job_id}.log")

    def scale(self, fleet: Fleet, count: int) -> None:
        """Submits what is missing; of what is too many, those that wait go first."""
        jobs = sorted((job for job in self.list(fleet) if job.state in STAYING), key=lambda job: job.state)
        if len(jobs) < count:
            self.submit(fleet, count - len(jobs))
        else:
            ask_to_leave(jobs[: len(jobs) - count])

    def cancel(self, fleet: Fleet) -> None:
        """Asks all to leave; the secret goes with them, and the logs stay."""
        ask_to_leave([job for job in self.list(fleet) if job.state in STAYING])
        if not any(job.state in ACTIVE for job in self.list(fleet)):
            remove_own(fleet.folder, SCRIPT, SECRET)


def without_secrets() -> dict[str, str]:
    """This process's environment for sbatch, which hands it on to the jobs."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def nodes_are_here() -> bool:
    """Whether all nodes are this machine."""
    hosts = set(NODE_HOST.findall(_slurm(["scontrol", "--oneliner", "show", "node"])))
    return hosts <= {socket.gethostname(), socket.gethostname().partition(".")[0]}


def sbatch_options(fleet: Fleet) -> Iterable[str]:
    """The options of sbatch, as they stand in the script."""
    log = str(fleet.folder).replace("%", "%%") + "/slurm-%A_%a.log"
    yield f"--job-name={fleet.name}"
    yield f"--output={quoted(log)}"
    yield "--open-mode=append"
    yield "--requeue"
    yield from resource_options(fleet.resources)


def resource_options(resources: Resources) -> Iterable[str]:
    """The options for what each job gets; those of the person come last, as the last one counts."""
    yield f"--cpus-per-task={resources.cpus}"
    if resources.gpus:
        yield f"--gres=gpu:{resources.gpus}"
    if resources.memory is not None:
        yield f"--mem={resources.memory // 2**20}M"
    if resources.time_s is not None:
        yield f"--time={math.ceil(resources.time_s / 60)}"
        if resources.time_s >= SHORTEST_WARNED_S:
            yield f"--signal=B:USR1@{WARNING_S}"
    if resources.queue is not None:
        yield f"--partition={quoted(resources.queue)}"
    if resources.account is not None:
        yield f"--account={quoted(resources.account)}"
    yield from resources.options


def quoted(value: str) -> str:
    """A value in a line of #SBATCH options, which sbatch splits at spaces outside of quotes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if re.search(r"[\s\"'\\#]", value) else value


def array_sizes(count: int) -> list[int]:
    """The sizes of the arrays for this many jobs."""
    full, rest = divmod(count, MOST_IN_ARRAY)
    return [MOST_IN_ARRAY] * full + [rest] * bool(rest)


def job_from(line: str, now: float) -> Job:
    """A job from a line of squeue, in columns of fixed widths, with times in seconds since 1970."""
    cells, place = [], 0
    for width in FIELDS.values():
        cells.append(line[place : place + width].strip())
        place += width
    job_id, state, host, start, code, reason = cells
    found = state_of(state)
    match found:
        case "queued" if state in SUSPENDED:
            return Job(job_id, found, host, reason=IS_SUSPENDED)
        case "queued":
            return Job(job_id, found, reason=reason)
        case "running" | "leaving":
            return Job(job_id, found, host, seconds_since(start, now))
        case "done":
            return Job(job_id, found, host)
        case "failed":
            return Job(job_id, found, host, reason=why_failed(state, code, reason))
        case _:
            assert_never(found)


def why_failed(state: str, code: str, reason: str) -> str:
    """What Slurm knows of a job that failed: failed (BadConstraints), or timeout, exit code 0."""
    plain = reason in ("None", "", "NonZeroExitCode")
    return f"{state.lower()}, exit code {exit_code(code)}" if plain else f"{state.lower()} ({reason})"


def exit_code(code: str) -> str:
    """The exit code in what squeue says of it, which is the status that wait() returns: 768 is exit code 3."""
    return str(os.waitstatus_to_exitcode(int(code))) if code.isdecimal() else code


def state_of(state: str) -> JobState:
    """A state of Slurm's in our words."""
    if state in QUEUED:
        return "queued"
    if state in RUNNING:
        return "running"
    if state == "COMPLETING":
        return "leaving"
    return "done" if state in ("COMPLETED", "CANCELLED", "PREEMPTED") else "failed"


def seconds_since(start: str, now: float) -> float | None:
    """The seconds since a job began; the time that Slurm counts as used leaves out those in which it was suspended."""
    return max(0.0, now - int(start)) if start.isdecimal() else None


def ask_to_leave(jobs: Sequence[Job]) -> None:
    """Cancels those that wait, and has those that run give back what they have in hand. Those that are suspended hear
    no signal, and are ended.
    """
    suspended = [job.job_id for job in jobs if job.reason == IS_SUSPENDED]
    waiting = [job.job_id for job in jobs if job.state == "queued" and job.reason != IS_SUSPENDED]
    running = [job.job_id for job in jobs if job.state == "running"]
    if suspended:
        _slurm(["scancel", *suspended])
    if waiting:
        _slurm(["scancel", "--state=PENDING", *waiting])
    if running:
        _slurm(["scancel", "--signal=USR2", "--batch", *running])
