"""`python -m search.mcp`: serves a database's studies to language models, over standard input and output."""

from importlib.util import find_spec
from typing import Any

import click

from search.commands.answer import answer_stream
from search.commands.cli import Verb, shared_flags, start_logging
from search.errors import UsageError

EXAMPLES = {
    "python -m search.mcp": "",
    "python -m search.mcp --storage sqlite:///search.db --allow-run": "may also launch searches",
}


@click.command(cls=Verb, name="mcp", examples=EXAMPLES)
@shared_flags
@click.option(
    "--allow-run", is_flag=True, help="Allow launching searches and comparisons, and running spaces in files."
)
def main(**flags: Any) -> None:
    """Serves the tools plan, launch, status, best, compare and check by the Model Context Protocol (extra: mcp).

    A program that talks to a language model starts it and speaks with it over standard input and output. Answers say
    what may be claimed, with verdict and interval. Unless --allow-run is given, nothing can be changed.
    """
    start_logging(flags["verbose"], flags["quiet"])
    if find_spec("mcp") is None:
        raise UsageError("this needs the package mcp, which isn't installed: pip install 'keras-image-search[mcp]'")
    from search.mcp.server import serve
    from search.mcp.tools import Desk

    serve(Desk(flags["storage"], allow_run=flags["allow_run"]), answer_stream())


if __name__ == "__main__":
    main()
