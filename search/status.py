"""`python -m search.status`: a study at a glance."""

from typing import Any

import click

from search.commands.chosen_study import chosen_study, study_flag
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.commands.durations import Duration

EXAMPLES = {
    "python -m search.status": "",
    "python -m search.status --study-name bn_dropout-digits --watch": "",
    "python -m search.status -f json": "",
    "OPTUNA_STORAGE=postgresql://… python -m search.status --study-name S --watch --interval 10": "",
}


@click.command(cls=Verb, name="status", examples=EXAMPLES)
@shared_flags
@study_flag
@click.option("--watch", is_flag=True, help="Update until all trials are finished, or Ctrl-C.")
@click.option(
    "--interval",
    type=Duration(0.1),
    default=1.0,
    show_default=True,
    help="Time between updates of --watch.",
)
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Shows the progress of a study: trials by state, the best value over time, workers, failures, time left.

    It is read-only and blocks no worker. Without a terminal, --watch prints a line from time to time; with -f json,
    one document per line.
    """
    from search.launching.watching import print_status, watch_status, watching_notices
    from search.studies.command import list_studies
    from storage import study_names

    start_logging(flags["verbose"], flags["quiet"])
    name = flags["study_name"]
    if name is None and not flags["watch"]:
        names = study_names(flags["storage"])
        if len(names) > 1:
            list_studies(flags["storage"], names, flags["format_"])
            return
        name = next(iter(names), None)
    with chosen_study(flags["storage"], name) as shared:
        if flags["watch"]:
            with watching_notices(flags["storage"], shared.name) as notices:
                watch_status(shared, flags["format_"], flags["interval"], notices)
        else:
            print_status(shared, flags["format_"])


if __name__ == "__main__":
    main()
