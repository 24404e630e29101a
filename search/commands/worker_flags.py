"""The flags for workers, the same for launch and worker, and their transfer to worker processes."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from search.commands.durations import Duration
from search.commands.numbers import Number, WholeNumber

F = TypeVar("F", bound=Callable[..., Any])

TRAINER_MEMORY_MB = 4000.0
OUTAGE_S = 600.0
WAIT_S = 60.0


# Flags of search.worker alone: of these names, other commands have flags that name what to search, or none.
OF_A_WORKER = ("space", "dataset", "job", "leave_before")


@dataclass(frozen=True)
class WorkerFlags:
    """How workers run. Times are in seconds, memory is resident and in MB; None for no limit, and `n_workers` None for
    as many as the machine allows. `space` and `dataset` are the study's paths on this host, None for those in its
    manifest. `job` is the cluster's job that the worker runs in, and `leave_before` when it ends, in Unix seconds.
    """

    n_workers: int | None = None
    gpus: str = "all"
    workers_per_gpu: int = 1
    timeout: float | None = None
    trial_timeout: float | None = None
    trial_memory: float | None = None
    trainer_memory: float = TRAINER_MEMORY_MB
    outage: float = OUTAGE_S
    wait: float = WAIT_S
    artifacts: Path | None = None
    data_dir: Path | None = None
    space: str | None = None
    dataset: str | None = None
    job: str | None = None
    leave_before: float | None = None

    def for_one_worker(self) -> list[str]:
        """The arguments of a process that is one of these workers; its environment says which GPU it uses."""
        decided = ("n_workers", "gpus", "workers_per_gpu")
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in decided}
        named = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
        return ["--n-workers=1", "--gpus=all", *named]


def take_worker_flags(flags: dict[str, Any]) -> WorkerFlags:
    """Takes the flags of `worker_flags` out of all the flags of a command."""
    names = [field.name for field in fields(WorkerFlags) if field.name not in OF_A_WORKER]
    return WorkerFlags(**{name: flags.pop(name) for name in names})


def worker_flags(command: F) -> F:
    """Adds the flags to a command."""
    folder = click.Path(path_type=Path, file_okay=False)
    positive = Duration(0, min_open=True)
    flags = [
        click.option(
            "--n-workers",
            type=WholeNumber(0, 256),
            help="Worker processes.  [default: one per GPU, else per processor]",
        ),
        click.option(
            "--gpus", default="all", show_default=True, help="GPUs to use: all, none, or numbers such as 0,2."
        ),
        click.option(
            "--workers-per-gpu",
            type=WholeNumber(1, 64),
            default=1,
            show_default=True,
            help="Workers per GPU; several use it better if models are small.",
        ),
        click.option(
            "--timeout", type=positive, help="Stop starting new trials after this time: 90s, 30m, 2h, or seconds."
        ),
        click.option("--trial-timeout", type=positive, help="Time that a trial may take before it fails."),
        click.option("--trial-memory", type=Number(100), help="Resident MB that a trial may use before it fails."),
        click.option(
            "--trainer-memory",
            type=Number(100),
            default=TRAINER_MEMORY_MB,
            show_default=True,
            help="Resident MB above which a trainer is restarted between trials.",
        ),
        click.option(
            "--outage",
            type=Duration(0),
            default=OUTAGE_S,
            show_default=True,
            help="Time that the database may be unreachable before a worker gives up its trial.",
        ),
        click.option(
            "--wait",
            type=Duration(0),
            default=WAIT_S,
            show_default=True,
            help="Time to wait for the database at startup.",
        ),
        click.option(
            "--artifacts",
            type=folder,
            help="Folder of checkpoints and best models on this host.  [default: the study's; for a new study next to "
            "its SQLite file, else ./search-artifacts]",
        ),
        click.option(
            "--data-dir",
            type=folder,
            help="Folder of the NAME.npz files of named data sets on this host.  [default: the study's]",
        ),
    ]
    for flag in reversed(flags):
        command = flag(command)
    return command
