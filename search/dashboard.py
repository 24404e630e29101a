"""`python -m search.dashboard`: shows studies in the browser."""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import tell
from search.commands.cli import Verb, shared_flags, start_logging
from search.commands.numbers import WholeNumber

EXAMPLES = {
    "python -m search.dashboard": "the studies of search.db, on this machine",
    "python -m search.dashboard --storage sqlite:///other.db --port 8081": "",
    "python -m search.dashboard --study-name bn_dropout-digits --open": "one study, in a new browser tab",
    "SEARCH_DASHBOARD_LOGIN=a-long-secret-token python -m search.dashboard --host 0.0.0.0": "with a login",
    "python -m search.dashboard --allow-edit": "allow editing notes and deleting studies",
}


@click.command(cls=Verb, name="dashboard", examples=EXAMPLES)
@shared_flags
@click.option("--study-name", help="The study to open.  [default: the list of all]")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Any but this machine's own needs a login, in SEARCH_DASHBOARD_LOGIN.",
)
@click.option(
    "--port",
    type=WholeNumber(0, 65_535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 for any free port.",
)
@click.option("--allow-edit", is_flag=True, help="Allow editing notes and deleting studies; otherwise it is read-only.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Host name that browsers may use besides localhost, as behind a proxy. May be given several times.",
)
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of checkpoints and best models on this host.  [default: the studies']",
)
@click.option("--open", "open_browser", is_flag=True, help="Open it in the browser.")
def main(**flags: Any) -> None:
    """Shows studies in the browser: optuna-dashboard, made safe to leave running.

    It is read-only unless --allow-edit is given, and serves only this machine unless --host says otherwise. Other
    machines need the login in SEARCH_DASHBOARD_LOGIN: a token, or USER:PASSWORD. Scripts send the same, as in `curl -u
    USER:PASSWORD` or `curl -H "Authorization: Bearer TOKEN"`.
    """
    from search.web.serving import DashboardOptions, credentials_from_environment, serve

    quiet = flags.pop("quiet")
    start_logging(flags.pop("verbose"), quiet)
    flags.pop("config")
    options = DashboardOptions(**flags, credentials=credentials_from_environment())
    serve(options, say=lambda text: None if quiet else tell(text))


if __name__ == "__main__":
    main()
