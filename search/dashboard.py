"""`python -m search.dashboard`: shows studies in the browser."""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import tell
from search.commands.cli import Verb, shared_flags, start_logging
from search.commands.numbers import WholeNumber

EXAMPLES = {
    "python -m search.dashboard": "the studies of search.db, for this machine",
    "python -m search.dashboard --storage sqlite:///other.db --port 8081": "",
    "python -m search.dashboard --study-name bn_dropout-digits --open": "one study, in a new browser tab",
    "SEARCH_DASHBOARD_LOGIN=a-long-secret-token python -m search.dashboard --host 0.0.0.0": "for others, with a login",
    "python -m search.dashboard --allow-edit": "notes may be written, studies deleted",
}


@click.command(cls=Verb, name="dashboard", examples=EXAMPLES)
@shared_flags
@click.option("--study-name", help="The study whose page is opened.  [default: the list of all]")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen. Any but this machine's own address needs a login, in SEARCH_DASHBOARD_LOGIN.",
)
@click.option("--port", type=WholeNumber(0, 65_535), default=8080, show_default=True, help="0 takes any that is free.")
@click.option("--allow-edit", is_flag=True, help="Let people change notes and delete studies: else it only shows.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A name by which browsers may call it beside localhost, as behind a proxy. Several are given one by one.",
)
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of checkpoints and best models on this host.  [default: the studies']",
)
@click.option("--open", "open_browser", is_flag=True, help="Open it in the browser.")
def main(**flags: Any) -> None:
    """Shows studies in the browser: optuna-dashboard, made safe to leave running.

    It only shows, unless --allow-edit is given, and only to this machine, unless --host says otherwise. Then it asks
    for the login that SEARCH_DASHBOARD_LOGIN holds: a token, or USER:PASSWORD. Scripts send the same, as in
    `curl -u USER:PASSWORD` or `curl -H "Authorization: Bearer TOKEN"`.
    """
    from search.web.serving import DashboardOptions, credentials_from_environment, serve

    quiet = flags.pop("quiet")
    start_logging(flags.pop("verbose"), quiet)
    flags.pop("config")
    options = DashboardOptions(**flags, credentials=credentials_from_environment())
    serve(options, say=lambda text: None if quiet else tell(text))


if __name__ == "__main__":
    main()
