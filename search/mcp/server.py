"""The protocol's side: which tools there are, and how a call gets to one."""

import io
import os
from functools import partial
from typing import Any, TextIO

import anyio
import mcp.types as types
from anyio.to_thread import run_sync
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from search.commands.hidden import hide_secrets
from search.console.outside_text import shown
from search.errors import SearchError
from search.host.installed import version_of
from search.mcp.tools import TOOLS, Answer, Desk
from spaces.errors import SpaceError
from storage.errors import StorageError

NAME = "keras-image-search"


class Refused(Exception):
    """A call that can't be answered; its message says what was wrong and what to do."""


def serve(desk: Desk, output: TextIO) -> None:
    """Answers calls until standard input ends. `output` is the stream of standard output, which has nothing else."""
    with io.TextIOWrapper(os.fdopen(os.dup(output.fileno()), "wb"), encoding="utf-8") as lines:
        anyio.run(_serve, desk, lines)


async def _serve(desk: Desk, lines: TextIO) -> None:
    server = make_server(desk)
    async with stdio_server(stdout=anyio.wrap_file(lines)) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def make_server(desk: Desk) -> Any:
    """The server with its tools."""
    server: Any = Server(NAME, version=version_of(NAME))  # the package's decorators have no types

    async def list_tools() -> list[types.Tool]:
        return [
            types.Tool(
                name=tool.name,
                description=tool.description,
                inputSchema=tool.schema,
                annotations=types.ToolAnnotations(
                    readOnlyHint=not (tool.runs and desk.allow_run), destructiveHint=False
                ),
            )
            for tool in TOOLS
        ]

    async def call_tool(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await run_sync(partial(answered, desk, name, arguments))

    server.list_tools()(list_tools)
    server.call_tool()(call_tool)
    return server


def answered(desk: Desk, name: str, arguments: dict[str, Any]) -> Answer:
    """The answer of the tool of that name; raises Refused with a message that may be shown."""
    tools = {tool.name: tool for tool in TOOLS}
    if name not in tools:
        raise Refused(f"there is no tool {name!r}: there are {', '.join(tools)}")
    try:
        return tools[name].answer(desk, arguments)
    except (SearchError, SpaceError, StorageError) as error:
        raise Refused(shown(hide_secrets(str(error)))) from error
