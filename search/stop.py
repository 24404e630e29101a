"""`python -m search.stop`: drains a study, so that workers finish their running trials and exit; ends kept servers."""

import getpass
import socket
from typing import Any

import click

from search.commands.answer import answer
from search.commands.cli import Verb, shared_flags, start_logging
from search.errors import UsageError

EXAMPLES = {
    "python -m search.stop --study-name bn_dropout-digits": "",
    "python -m search.launch --space bn_dropout": "continue it later",
    "python -m search.stop --server": "end what --keep-warm has left",
}


@click.command(cls=Verb, name="stop", examples=EXAMPLES)
@shared_flags
@click.option("--study-name", help="The study to drain.")
@click.option("--reason", default="", help="Shown wherever the study is reported as stopped.")
@click.option("--server", is_flag=True, help="End your trainer servers on this host that --keep-warm has left.")
def main(**flags: Any) -> None:
    """Drains a study: no worker on any host starts another trial; running trials are finished.

    `python -m search.launch` continues it. With --server, ends your trainer servers on this host; one that a launch
    uses leaves after it.
    """
    start_logging(flags["verbose"], flags["quiet"])
    if flags["study_name"] is None and not flags["server"]:
        raise UsageError("what is to be stopped? Give --study-name NAME for a study, or --server for trainer servers")
    if flags["study_name"] is not None:
        answer(drained(flags["storage"], flags["study_name"], flags["reason"]))
    if flags["server"]:
        answer(ended_servers())


def drained(storage: str, study_name: str, reason: str) -> str:
    """Drains the study; says what of it is left."""
    from search.workers.join import study_folder
    from search.workers.paused import end_paused
    from storage import open_study

    with open_study(storage, study_name) as shared:
        who = f"{getpass.getuser()}@{socket.gethostname()}"
        shared.ledger.stop(reason or f"stopped by {who}")
        ended = end_paused(shared, study_folder(shared, None))
        counts = shared.ledger.counts()
    paused = f", {ended} that were paused have ended as pruned" if ended else ""
    return f"{counts.leased} trials are being finished, {counts.waiting} are left waiting{paused}."


def ended_servers() -> str:
    """Ends the user's kept servers on this host; says how many."""
    from search.trainers.server_folder import FolderUnusable
    from search.trainers.warm_servers import end_warm_servers
    from search.views.number import plural

    try:
        servers = end_warm_servers()
    except FolderUnusable as error:
        raise UsageError(f"{error}") from error
    later = sum(server.state is not None and server.state.launches > 0 for server in servers)
    return f"Ended {plural(len(servers) - later, 'trainer server')}; {later} will leave after their launches."


if __name__ == "__main__":
    main()
