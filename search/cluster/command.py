"""`python -m search.cluster`: the workers of a study, placed by Slurm or Kubernetes."""

import os
import sys
from pathlib import Path
from typing import Any, Literal, assert_never, get_args

import click

from search.cluster.quantities import as_bytes
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.commands.durations import Duration
from search.commands.numbers import WholeNumber
from search.errors import UsageError
from search.host.module_path import PATH, with_our_path

Action = Literal["up", "status", "scale", "down", "render"]

MOST_JOBS = 10_000

EXAMPLES = {
    "python -m search.cluster render --on slurm --study-name S --workers 8 --time 4h --queue gpu --gpus 1": "",
    "python -m search.cluster up --on slurm --study-name S --workers 8 --gpus 1 --time 4h": "",
    "python -m search.cluster status --on slurm --study-name S": "",
    "python -m search.cluster scale 2 --on slurm --study-name S": "",
    "python -m search.cluster down --on slurm --study-name S": "",
}


def fleet_flags(command: Any) -> Any:
    """Adds the flags that say where a study's workers run, and with what."""
    flags = [
        click.option("--on", required=True, type=click.Choice(engine_names()), help="The cluster's engine."),
        click.option("--cpus", type=WholeNumber(1, 1024), default=1, show_default=True, help="Processors per job."),
        click.option(
            "--gpus", type=WholeNumber(0, 64), default=0, show_default=True, help="GPUs per job, with a worker each."
        ),
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
            help="Another option of sbatch, such as --constraint=a100, or LABEL=VALUE of Kubernetes nodes.",
        ),
        click.option("--setup", default="", help="Shell commands to run first, such as module load cuda."),
        click.option(
            "--python", help="The nodes' Python with this project.  [default: Slurm: this one; Kubernetes: python]"
        ),
        click.option("--image", default="", help="Kubernetes: the image of the pods, with this project."),
        click.option("--namespace", help="Kubernetes: the namespace.  [default: that of kubectl's context]"),
        click.option(
            "--volume",
            "volumes",
            multiple=True,
            metavar="CLAIM:/PATH",
            help="Kubernetes: a PersistentVolumeClaim and where pods mount it; several are allowed.",
        ),
        click.option("--n-workers", type=WholeNumber(1, 256), help="Workers per job.  [default: one per GPU or CPU]"),
        click.option(
            "--artifacts",
            type=click.Path(path_type=Path, file_okay=False),
            help="The study's artifact folder on the nodes.  [default: the study's]",
        ),
        click.option(
            "--shared-artifacts", is_flag=True, help="All nodes share the artifact folder, though it looks local."
        ),
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of the NAME.npz files of named data sets on the nodes.  [default: the study's]",
        ),
    ]
    for flag in reversed(flags):
        command = flag(command)
    return command


def engine_names() -> list[str]:
    """The names of the engines, without their modules."""
    from search.cluster.engines import ENGINES

    return list(ENGINES)


@click.command(cls=Verb, name="cluster", examples=EXAMPLES)
@click.argument("action", type=click.Choice(get_args(Action)))
@click.argument("number", required=False, type=WholeNumber(0, MOST_JOBS), metavar="[N]")
@shared_flags
@click.option("--study-name", required=True, help="The study, created by `python -m search.launch --n-workers 0`.")
@fleet_flags
@click.option("--workers", type=WholeNumber(1, MOST_JOBS), help="Number of jobs, for up and render.")
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Runs a study's workers on a cluster: up submits jobs, status shows them, scale N adds or drains some, down
    drains all, render prints what would be submitted.

    Each job runs `python -m search.worker` on the node that it gets. Jobs may be killed, preempted or requeued at any
    time. A drained job releases its trial with its checkpoint; the next one continues it.
    """
    from search.cluster import actions

    start_logging(flags["verbose"], flags["quiet"])
    action: Action = flags["action"]
    options = cluster_options(flags)
    count = flags["number"] if flags["number"] is not None else flags["workers"]
    if flags["number"] is not None and action != "scale":
        raise UsageError(f"only scale takes a number; give {action} --workers {flags['number']}")
    match action:
        case "up":
            actions.up(options, actions.require_count(count, action))
        case "render":
            actions.render(options, actions.require_count(count, action))
        case "scale":
            actions.scale(options, actions.require_count(count, action))
        case "status":
            actions.status(options, flags["format_"])
        case "down":
            actions.down(options)
        case _:
            assert_never(action)


def cluster_options(flags: dict[str, Any]) -> Any:
    """The options from the flags of a command that has `fleet_flags`."""
    from search.cluster.actions import ClusterOptions
    from search.cluster.fleet import Pods, Resources

    resources = {name: flags[name] for name in ("cpus", "gpus", "memory", "time_s", "queue", "account", "options")}
    own = ("on", "storage", "study_name", "artifacts", "shared_artifacts", "n_workers", "data_dir", "setup")
    return ClusterOptions(
        **{name: flags[name] for name in own},
        module_path=with_our_path(os.environ).get(PATH),
        python=flags["python"] or (sys.executable if flags["on"] == "slurm" else "python"),
        resources=Resources(**resources),
        pods=Pods(flags["namespace"], flags["image"], flags["volumes"]),
        quiet=flags["quiet"],
    )


if __name__ == "__main__":
    main()
