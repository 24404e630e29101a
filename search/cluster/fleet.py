"""The records that engines take and give: a fleet, what each of its jobs gets, and a job as the engine sees it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

EngineName = Literal["slurm", "kubernetes", "ray"]
JobState = Literal["queued", "running", "leaving", "done", "failed"]

ACTIVE: tuple[JobState, ...] = ("queued", "running", "leaving")
STAYING: tuple[JobState, ...] = ("queued", "running")
NAME_LETTERS = 24
STAMP_LETTERS = 8


@dataclass(frozen=True)
class Resources:
    """What each job gets: processors, GPUs, memory in bytes, wall time in seconds (None: what the engine gives), the
    queue (a partition) and account, and flags of the engine as they are.
    """

    cpus: int = 1
    gpus: int = 0
    memory: int | None = None
    time_s: float | None = None
    queue: str | None = None
    account: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pods:
    """Where pods run, and as what: a namespace (None: that of kubectl's context), an image, volumes as CLAIM:/PATH."""

    namespace: str | None = None
    image: str = ""
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fleet:
    """The jobs of one study. Each runs `python -m search.worker` with the arguments `worker`, in which no secret is.

    `name` is that of the jobs in the engine; `folder` is on the disk that the nodes share, and holds the script, its
    logs and the file with the storage's URL; `storage` is that URL, with its password. `setup` are lines of a shell
    that come first, `python` is the interpreter on the nodes.
    """

    name: str
    study_name: str
    worker: tuple[str, ...]
    folder: Path
    storage: str = field(repr=False)
    resources: Resources = field(default_factory=Resources)
    pods: Pods = field(default_factory=Pods)
    python: str = "python"
    module_path: str | None = None
    setup: str = ""


@dataclass(frozen=True)
class Job:
    """A job as its engine sees it. `job_id` is unique in the engine; `host` is empty until it has one; `age_s` is the
    time since it began to run, None if it doesn't; `reason` says in the engine's words why it waits or failed.
    """

    job_id: str
    state: JobState
    host: str = ""
    age_s: float | None = None
    reason: str = ""


def fleet_name(study_name: str, stamp: str) -> str:
    """The name of a study's jobs: letters, digits and hyphens, as every engine takes them, and no other study's."""
    slug = re.sub(r"[^a-z0-9]+", "-", study_name.lower()).strip("-")[:NAME_LETTERS].strip("-")
    return "-".join(filter(None, ("search", slug, stamp[:STAMP_LETTERS])))


def job_name(engine: EngineName, job_id: str) -> str:
    """What a worker in that job registers as its job."""
    return f"{engine}:{job_id}"
