"""The flags that say what a cluster's jobs get, the same for search.cluster and search.launch."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search.cluster.quantities import as_bytes
from search.commands.added_flags import with_flags
from search.commands.durations import Duration
from search.commands.numbers import WholeNumber
from search.commands.worker_flags import TRUST_SPACES
from search.errors import UsageError
from search.host.module_path import PATH, with_our_path
from search.workers.settings import WorkerSettings

if TYPE_CHECKING:
    from search.cluster.options import ClusterOptions
    from search.cluster.placing import Placing

F = TypeVar("F", bound=Callable[..., Any])

MOST_JOBS = 10_000
RESOURCES = ("cpus", "gpus", "memory", "time_s", "queue", "account", "options")
TRUSTED = ("shared_artifacts", "trust_spaces")
PODS = ("namespace", "image", "volumes")
PLACING = ("on", "workers", "detach")
JOBS = ("cpus", "memory", "time_s", "queue", "account", "options", "setup", "python", *TRUSTED, *PODS)
OWN = ("on", "storage", "study_name", "artifacts", "n_workers", "data_dir", "setup", "quiet", *TRUSTED)


def job_flags(command: F) -> F:
    """Adds the flags to a command."""
    flags = [
        click.option("--cpus", type=WholeNumber(1, 1024), default=1, show_default=True, help="Processors per job."),
        click.option(
            "--memory", callback=as_bytes, metavar="AMOUNT", help="Memory per job, as in 16G.  [default: the engine's]"
        ),
        click.option(
            "--time",
            "time_s",
            type=Duration(60),
            help="Wall time per job, as in 4h.  [default: the engine's]",
        ),
        click.option("--queue", help="Queue: a partition of Slurm, a queue of Kueue.  [default: the engine's]"),
        click.option("--account", help="Account to charge.  [default: the engine's]"),
        click.option(
            "--option",
            "options",
            multiple=True,
            help="An option of sbatch, such as --constraint=a100, LABEL=VALUE of Kubernetes nodes, or NAME=1 of Ray.",
        ),
        click.option("--setup", default="", help="Shell commands to run first, such as module load cuda."),
        click.option("--python", help="The nodes' Python with this project.  [default: this one; Kubernetes: python]"),
        click.option("--image", default="", help="Kubernetes: the image of the pods, with this project."),
        click.option("--namespace", help="Kubernetes: the namespace.  [default: that of kubectl's context]"),
        click.option(
            "--volume",
            "volumes",
            multiple=True,
            metavar="CLAIM:/PATH",
            help="Kubernetes: a PersistentVolumeClaim and where pods mount it; several are allowed.",
        ),
        TRUST_SPACES,
        click.option(
            "--shared-artifacts", is_flag=True, help="All nodes share the artifact folder, though it looks local."
        ),
    ]
    return with_flags(command, flags)


def engine_names() -> list[str]:
    """The names of the engines, without their modules."""
    from search.cluster.engines import ENGINES

    return list(ENGINES)


def cluster_options(flags: Mapping[str, Any]) -> "ClusterOptions":
    """The options from the values of these flags, and of those in OWN and RESOURCES that a command has itself."""
    from search.cluster.fleet import Pods, Resources
    from search.cluster.options import ClusterOptions

    return ClusterOptions(
        **{name: flags[name] for name in OWN},
        module_path=with_our_path(os.environ).get(PATH),
        python=flags["python"] or (sys.executable if flags["on"] != "kubernetes" else "python"),
        resources=Resources(**{name: flags[name] for name in RESOURCES}),
        pods=Pods(**{name: flags[name] for name in PODS}),
        **{name: flags[name] for name in ("studies", "idle_exit") if flags.get(name) is not None},
    )


def take_placing(
    flags: dict[str, Any], workers: WorkerSettings, *, quiet: bool
) -> tuple["Placing | None", WorkerSettings]:
    """Takes PLACING and the flags of `job_flags` out of those of a launch; returns what they ask for, and the flags of
    the workers of this machine: with --on there are none.

    Raises:
        UsageError: some need --on, and it isn't given; or the other way round.
    """
    on, count, detach = (flags.pop(name) for name in PLACING)
    jobs = {name: flags.pop(name) for name in JOBS}
    if on is None:
        if count is not None or detach:
            raise UsageError("--workers and --detach are for a cluster: give --on slurm, kubernetes or ray with them")
        return None, workers
    if count is None:
        raise UsageError(f"how many jobs? Give --workers with --on {on}")
    if detach and (tracked := [flag for flag in ("tensorboard", "mlflow") if flags[flag] is not None]):
        raise UsageError(
            f"--{' and --'.join(tracked)}: trackers are written while the launch watches: leave out --detach"
        )
    from search.cluster.placing import placing_of

    own = {"on": on, "quiet": quiet, "storage": flags["storage"], "study_name": None, "n_workers": workers.n_workers}
    own |= {"artifacts": workers.artifacts, "data_dir": workers.data_dir, "gpus": gpus_per_job(workers.gpus)}
    here = replace(workers, n_workers=0 if detach else 1, gpus="none")
    return placing_of(cluster_options({**jobs, **own}), count, detach=detach), here


def gpus_per_job(flag: str) -> int:
    """How many GPUs a job gets: what --gpus says, which names those of this machine otherwise."""
    if flag in ("all", "none"):
        return 0
    if not flag.isdecimal():
        raise UsageError(f"--gpus {flag}: with --on, it is the number of GPUs per job")
    return int(flag)
