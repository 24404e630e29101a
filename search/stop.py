"""`python -m search.stop`: drains a study, so that workers finish their running trials and exit."""

import getpass
import socket
from typing import Any

import click

from search.commands.answer import answer
from search.commands.cli import Verb, shared_flags, start_logging

EXAMPLES = {
    "python -m search.stop --study-name bn_dropout-digits": "",
    "python -m search.launch --space bn_dropout": "continue it later",
}


@click.command(cls=Verb, name="stop", examples=EXAMPLES)
@shared_flags
@click.option("--study-name", required=True, help="The study to drain.")
@click.option("--reason", default="", help="Shown wherever the study is reported as stopped.")
def main(**flags: Any) -> None:
    """Drains a study: no worker on any host starts another trial; running trials are finished.

    `python -m search.launch` continues it.
    """
    from storage import open_study

    start_logging(flags["verbose"], flags["quiet"])
    with open_study(flags["storage"], flags["study_name"]) as shared:
        who = f"{getpass.getuser()}@{socket.gethostname()}"
        shared.ledger.stop(flags["reason"] or f"stopped by {who}")
        counts = shared.ledger.counts()
    answer(f"{counts.leased} trials are being finished, {counts.waiting} are left waiting.")


if __name__ == "__main__":
    main()
