"""A command's output: its result on standard output, everything else on standard error.

Parts of it come from users and their files: they are escaped where a terminal would interpret them (`shown`). Letters
that a stream can't encode are escaped too, so that no result of hours is lost to an encoding error.

Standard output has only the result, so that other programs can read it. Output of space files, Keras and downloads goes
to standard error.
"""

import atexit
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

import click

from search.commands.hidden import hide_secrets
from search.commands.streams import ERRORS, OUTPUT, leads_to
from search.console.outside_text import shown

NOT_ASCII = re.compile("[^\x00-\x7e]")
STREAM = "search.answers"


def answer(text: str, *, nl: bool = True) -> None:
    """Prints a part of the result as text."""
    _write(shown(hide_secrets(text)), answer_stream(), nl=nl)


def answer_json(document: str | bytes) -> None:
    """Prints a JSON document in ASCII, which is valid in any encoding."""
    text = document if isinstance(document, str) else document.decode()
    _write(NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text), answer_stream())


def tell(text: str) -> None:
    """Prints progress or an error on standard error."""
    _write(shown(hide_secrets(text)), sys.stderr)


def accept_all_letters() -> None:
    """Makes the process's streams escape what they can't encode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write(text: str, stream: TextIO, *, nl: bool = True) -> None:
    encoding = stream.encoding or "utf-8"
    try:
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"standard output can't be written: {error.strerror}") from error


def answer_stream() -> TextIO:
    """The stream for the running command's result; outside of commands, standard output."""
    context = click.get_current_context(silent=True)
    kept: TextIO | None = None if context is None else context.meta.get(STREAM)
    return kept or sys.stdout


@contextmanager
def answers_alone(context: click.Context) -> Iterator[None]:
    """Within the block, only `answer` writes to standard output: other prints, and what libraries and other
    programs write to the descriptor, go to standard error.
    """
    with _kept_output() as stream, redirect_stdout(sys.stderr):
        context.meta[STREAM] = stream
        try:
            yield
        finally:
            del context.meta[STREAM]


@contextmanager
def _kept_output() -> Iterator[TextIO]:
    """Standard output, on another descriptor; its usual one leads to standard error within the block, and
    again when the process exits, for prints at the very end.
    """
    given = sys.stdout
    if not leads_to(given, OUTPUT):
        yield given
        return
    given.flush()
    kept = os.dup(OUTPUT)
    _lead_to_errors()
    stream = open(kept, "w", encoding=given.encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    try:
        yield stream
    finally:
        with suppress(OSError):  # all of it was flushed when it was written, or that has failed already
            stream.close()
        os.dup2(kept, OUTPUT)
        os.close(kept)
        atexit.register(_end_output)


def _end_output() -> None:
    sys.stdout.flush()
    _lead_to_errors()


def _lead_to_errors() -> None:
    try:
        os.dup2(ERRORS, OUTPUT)
    except OSError:  # there is no standard error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, OUTPUT)
        os.close(null)
