"""The flags for workers, the same for all commands that run some."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from search.commands.added_flags import with_flags
from search.commands.cli import start_logging
from search.commands.durations import Duration, in_units
from search.commands.numbers import Number, WholeNumber
from search.notify.addresses import require_addresses
from search.trainers.serving import trainer_server
from search.workers.settings import OUTAGE_S, TRAINER_MEMORY_MB, WAIT_S, WorkerSettings

MOST_WARM_S = 7 * 24 * 3600.0

F = TypeVar("F", bound=Callable[..., Any])

# Flags of search.worker alone: of these names, other commands have flags that name what to search, or none.
OF_A_WORKER = ("space", "dataset", "job", "leave_before", "trust_spaces")


TRUST_SPACES = click.option(
    "--trust-spaces",
    is_flag=True,
    help="Run a study's own space from the source kept with it where its file is missing.",
)


FOLDER = click.Path(path_type=Path, file_okay=False)
POSITIVE = Duration(0, min_open=True)

PLACEMENT = (
    click.option(
        "--n-workers",
        type=WholeNumber(0, 256),
        help="Number of workers.  [default: one per GPU, else per processor]",
    ),
    click.option("--gpus", default="all", show_default=True, help="GPUs to use: all, none, or numbers such as 0,2."),
    click.option(
        "--workers-per-gpu",
        type=WholeNumber(1, 64),
        default=1,
        show_default=True,
        help="Workers per GPU; several use it better if models are small.",
    ),
)
LIMITS = (
    click.option(
        "--timeout", type=POSITIVE, help="Stop starting new trials after this time: 90s, 30m, 2h, or seconds."
    ),
    click.option("--trial-timeout", type=POSITIVE, help="Time that a trial may take before it fails."),
    click.option("--trial-memory", type=Number(100), help="Resident MB that a trial may use before it fails."),
    click.option(
        "--trainer-memory",
        type=Number(100),
        default=f"{TRAINER_MEMORY_MB:g}",
        show_default=True,
        help="Resident MB above which a trainer is restarted between trials.",
    ),
    click.option(
        "--outage",
        type=Duration(0),
        default=in_units(OUTAGE_S),
        show_default=True,
        help="Time that the database may be unreachable before a worker gives up its trial.",
    ),
    click.option(
        "--wait",
        type=Duration(0),
        default=in_units(WAIT_S),
        show_default=True,
        help="Time to wait for the database at startup.",
    ),
)
FOLDERS = (
    click.option(
        "--artifacts",
        type=FOLDER,
        help="Folder of checkpoints and best models on this host.  [default: the study's; for a new study next to "
        "its SQLite file, else ./search-artifacts]",
    ),
    click.option(
        "--data-dir",
        type=FOLDER,
        help="Folder of the NAME.npz files of named data sets on this host.  [default: the study's]",
    ),
)


def take_worker_flags(flags: dict[str, Any]) -> WorkerSettings:
    """Takes the flags of `worker_flags` out of all the flags of a command.

    Raises:
        UsageError: SEARCH_NOTIFY is set, and nothing can be sent to it.
    """
    require_addresses(os.environ)
    names = [field.name for field in fields(WorkerSettings) if field.name not in OF_A_WORKER]
    return WorkerSettings(**{name: flags.pop(name) for name in names})


@contextmanager
def ready_to_train(flags: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of a command's options, from all of its flags; within the block, progress is logged and a trainer
    server runs, unless this command runs no worker.
    """
    given = dict(flags)
    quiet = given.pop("quiet")
    start_logging(given.pop("verbose"), quiet)
    given.pop("config")
    workers = take_worker_flags(given)
    wanted = workers.n_workers != 0 and not given["dry_run"]
    with trainer_server(wanted=wanted, keep_warm_s=given.pop("keep_warm")):
        yield {**given, "quiet": quiet, "workers": workers}


def keep_warm_flag(command: F) -> F:
    """Adds --keep-warm to a command that begins and ends with its workers."""
    return click.option(
        "--keep-warm",
        type=Duration(0, MOST_WARM_S),
        help="Keep the process that has imported Keras for this long after it was last of use, as in 10m: the next "
        "launch starts 2 s sooner.  [default: it ends with this command]",
    )(command)


def worker_flags(command: F) -> F:
    """Adds the flags that say where workers run, what they may take, and where their files and data are."""
    return with_flags(command, (*PLACEMENT, *LIMITS, *FOLDERS))
