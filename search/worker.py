"""`python -m search.worker`: joins a study and works on it until its trials are done."""

from dataclasses import replace
from typing import Any

import click

from search.commands.cli import Verb, shared_flags, start_logging
from search.commands.numbers import Number
from search.commands.worker_flags import OF_A_WORKER, take_worker_flags, worker_flags
from search.host.exit_codes import CODES
from search.trainers.serving import trainer_server

EXAMPLES = {
    "python -m search.worker --study-name bn_dropout-digits": "",
    "OPTUNA_STORAGE=postgresql://… python -m search.worker --study-name S --n-workers 4": "on each of several hosts",
}


@click.command(cls=Verb, name="worker", examples=EXAMPLES)
@shared_flags
@click.option("--study-name", required=True, help="The study, created by `python -m search.launch`.")
@click.option("--space", help="Where the study's space is on this host, FILE.py:NAME.  [default: as in the study]")
@click.option("--dataset", help="Where the study's images are on this host.  [default: as in the study]")
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
    """Works on a study: runs one trial after another until all are finished.

    Any number of workers, on any number of hosts that reach the database, may join and leave at any time. SIGTERM or
    Ctrl-C releases the running trial with its checkpoint; a second Ctrl-C exits at once. The exit code is 0 when no
    trials are left, and 75 when it was told to exit, or --timeout passed or the job's end came, before that.
    """
    start_logging(flags.pop("verbose"), flags.pop("quiet"))
    flags.pop("config")
    workers = replace(take_worker_flags(flags), **{name: flags.pop(name) for name in OF_A_WORKER})
    with trainer_server(wanted=workers.n_workers != 1):
        from search.workers.running import run_workers

        raise SystemExit(CODES[run_workers(flags["storage"], flags["study_name"], workers)])


if __name__ == "__main__":
    main()
