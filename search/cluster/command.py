"""`python -m search.cluster`: the workers of a study, placed by Slurm, Kubernetes or Ray."""

from pathlib import Path
from typing import Any, Literal, assert_never, get_args

import click

from search.cluster.flags import MOST_JOBS, cluster_options, engine_names, job_flags
from search.commands.answer import answer
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.commands.durations import Duration
from search.commands.numbers import WholeNumber
from search.errors import UsageError

Action = Literal["up", "status", "scale", "down", "render", "autoscale"]

EXAMPLES = {
    "python -m search.cluster render --on slurm --study-name S --workers 8 --time 4h --queue gpu --gpus 1": "",
    "python -m search.cluster up --on slurm --study-name S --workers 8 --gpus 1 --time 4h": "",
    "python -m search.cluster status --on slurm --study-name S": "",
    "python -m search.cluster scale 2 --on slurm --study-name S": "",
    "python -m search.cluster down --on slurm --study-name S": "",
    "python -m search.cluster autoscale --on slurm --max-jobs 16 --once": "jobs that serve all studies",
}


@click.command(cls=Verb, name="cluster", examples=EXAMPLES)
@click.argument("action", type=click.Choice(get_args(Action)))
@click.argument("number", required=False, type=WholeNumber(0, MOST_JOBS), metavar="[N]")
@shared_flags
@click.option(
    "--study-name",
    help="The study, created by `python -m search.launch --n-workers 0`.  [default: the fleet of autoscale]",
)
@click.option("--on", required=True, type=click.Choice(engine_names()), help="The cluster's engine.")
@click.option("--gpus", type=WholeNumber(0, 64), default=0, show_default=True, help="GPUs per job, with a worker each.")
@job_flags
@click.option("--n-workers", type=WholeNumber(1, 256), help="Workers per job.  [default: one per GPU or CPU]")
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False),
    help="The study's artifact folder on the nodes.  [default: the study's]",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the NAME.npz files of named data sets on the nodes.  [default: the study's]",
)
@click.option("--workers", type=WholeNumber(1, MOST_JOBS), help="Number of jobs, for up and render.")
@click.option("--max-jobs", type=WholeNumber(1, MOST_JOBS), help="autoscale: most jobs at once.")
@click.option("--once", is_flag=True, help="autoscale: look once and end, as for cron.")
@click.option("--every", type=Duration(1), default="30s", show_default=True, help="autoscale: time between looks.")
@click.option("--studies", metavar="PATTERN", help="autoscale: only studies of such names, as in 'team-*'.")
@click.option(
    "--idle-exit", type=Duration(0), help="autoscale: a job ends after this time without work.  [default: 10m]"
)
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Runs a study's workers on a cluster: up submits jobs, status shows them, scale N adds or drains some, down
    drains all, render prints what would be submitted. autoscale adds jobs whose workers serve all studies of the
    database, as many as open trials ask for; they end by themselves.

    Each job runs `python -m search.worker` on the node that it gets. Jobs may be killed, preempted or requeued at any
    time. A drained job releases its trial with its checkpoint; the next one continues it.
    """
    from search.cluster import actions

    start_logging(flags["verbose"], flags["quiet"])
    action: Action = flags["action"]
    options = cluster_options(flags)
    count = flags["number"] if flags["number"] is not None else flags["workers"]
    require_fitting(action, flags)
    if flags["number"] is not None and action != "scale":
        raise UsageError(f"only scale takes a number; give {action} --workers {flags['number']}")
    match action:
        case "up":
            answer(actions.up(options, actions.require_count(count, action)))
        case "render":
            actions.render(options, actions.require_count(count, action))
        case "scale":
            actions.scale(options, actions.require_count(count, action))
        case "status":
            actions.status(options, flags["format_"])
        case "down":
            actions.down(options)
        case "autoscale":
            actions.autoscale(options, require_max_jobs(flags), None if flags["once"] else flags["every"])
        case _:
            assert_never(action)


def require_fitting(action: Action, flags: dict[str, Any]) -> None:
    """Raises UsageError for flags of autoscale with another action; --studies and --idle-exit are also for render."""
    given = {"--max-jobs": flags["max_jobs"], "--once": flags["once"] or None}
    if flags["study_name"] is not None:
        given |= {"--studies": flags["studies"], "--idle-exit": flags["idle_exit"]}
    found = [flag for flag, value in given.items() if value is not None]
    if found and action != "autoscale":
        raise UsageError(f"{' and '.join(found)} can't go with {action}: only autoscale takes that")


def require_max_jobs(flags: dict[str, Any]) -> int:
    """The most jobs of autoscale; raises UsageError if it wasn't given."""
    most: int | None = flags["max_jobs"]
    if most is None:
        raise UsageError("how many jobs at most? Say so: python -m search.cluster autoscale --max-jobs 16")
    return most


if __name__ == "__main__":
    main()
