"""`python -m search.worker`: joins a study and works on it until its trials are done."""

import gc
from dataclasses import replace
from typing import Any, NoReturn

import click

from search.commands.cli import Verb, shared_flags, start_logging
from search.commands.durations import Duration
from search.commands.numbers import Number
from search.commands.worker_flags import OF_A_WORKER, TRUST_SPACES, take_worker_flags, worker_flags
from search.errors import UsageError
from search.host.ends import End
from search.host.exit_codes import CODES
from search.host.watched import is_watched
from search.trainers.serving import trainer_server
from search.workers.settings import WorkerSettings

EXAMPLES = {
    "python -m search.worker --study-name bn_dropout-digits": "",
    "python -m search.worker --studies 'team-*' --idle-exit 10m": "serves all studies of such names",
    "OPTUNA_STORAGE=postgresql://… python -m search.worker --study-name S --n-workers 4": "on each of several hosts",
}


@click.command(cls=Verb, name="worker", examples=EXAMPLES)
@shared_flags
@click.option("--study-name", help="Only this study, created by `python -m search.launch`.  [default: all of them]")
@click.option("--studies", metavar="PATTERN", help="Only studies of such names, as in 'team-*'.")
@click.option("--idle-exit", type=Duration(0), help="Without --study-name: end after this time without work.")
@click.option("--space", help="Where the study's space is on this host, FILE.py:NAME.  [default: as in the study]")
@click.option("--dataset", help="Where the study's images are on this host.  [default: as in the study]")
@TRUST_SPACES
@worker_flags
@click.option("--job", help="The cluster's job that this worker runs in, as in slurm:1234_5; search.cluster sets it.")
@click.option(
    "--leave-before",
    metavar="TIME",
    type=Number(0),
    envvar=["SEARCH_LEAVE_BEFORE", "SLURM_JOB_END_TIME"],
    help="When the job ends, in Unix seconds: start no epoch that would last longer, and give the trial back in time.",
)
def main(**flags: Any) -> None:
    """Works on a study: runs one trial after another until all are finished. Without a study's name, serves all open
    studies of the database, as python -m search.queue orders them, until told to exit.

    Any number of workers, on any number of hosts that reach the database, may join and leave at any time. SIGTERM or
    Ctrl-C releases the running trial with its checkpoint; a second Ctrl-C exits at once. The exit code is 0 when no
    trials are left, and 75 when it was told to exit, or --timeout passed or the job's end came, before that.

    It logs its own start and end and those of each trial, unless --quiet is given.
    """
    start_logging(max(1, flags.pop("verbose")), flags.pop("quiet"))  # what it does is all that it has to say
    flags.pop("config")
    workers = replace(take_worker_flags(flags), **{name: flags.pop(name) for name in OF_A_WORKER})
    if flags["study_name"] is None:
        serve_all(flags, workers)
    require_no_fleet_flags(flags)
    with trainer_server(wanted=workers.n_workers != 1):
        from search.workers.running import run_workers

        gc.freeze()  # what is imported stays: each collection would scan it
        end = run_workers(flags["storage"], flags["study_name"], workers)
        if end is End.DONE and not is_watched():
            from search.design.due_answers import answer_if_due

            end = answer_if_due(flags["storage"], flags["study_name"], workers)
        raise SystemExit(CODES[end])


def serve_all(flags: dict[str, Any], workers: WorkerSettings) -> NoReturn:
    """Serves the database's studies; ends the process."""
    paths = {"--space": workers.space, "--dataset": workers.dataset}
    if given := [flag for flag, path in paths.items() if path is not None]:
        raise UsageError(
            f"{' and '.join(given)} can't go without --study-name: they are one study's paths on this host"
        )
    with trainer_server():  # a worker changes trainers with each study
        from search.workers.fleet import ANY, FleetSettings, run_fleet

        gc.freeze()
        fleet = FleetSettings(flags["studies"] or ANY, flags["idle_exit"])
        raise SystemExit(CODES[run_fleet(flags["storage"], fleet, workers)])


def require_no_fleet_flags(flags: dict[str, Any]) -> None:
    """Raises UsageError if a worker of one study was given flags for one that serves several."""
    given = {"--studies": flags["studies"], "--idle-exit": flags["idle_exit"]}
    if idle := [flag for flag, value in given.items() if value is not None]:
        raise UsageError(f"{' and '.join(idle)} can't go with --study-name: a worker of one study ends when it is done")


if __name__ == "__main__":
    main()
