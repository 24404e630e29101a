"""What all commands share: flags, the sources of their values, and exit codes.

A value comes from the flag, else from the environment (`SEARCH_*`; `OPTUNA_STORAGE` for the storage), else from the
file that `--config` names, else it is the default.
"""

import atexit
import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from search.commands.added_flags import with_flags
from search.commands.answer import accept_all_letters, answers_alone, tell
from search.commands.config_file import read_config
from search.commands.flag_groups import MANY, grouped
from search.commands.hidden import hide_typed, hider
from search.commands.streams import drop_unwritable_progress, machine_errors
from search.commands.usage_errors import explained
from search.commands.values import require_no_empty, require_no_nul, require_usable
from search.commands.variables import require_no_misspelled_variable
from search.console.logs import log_to_errors
from search.console.outside_text import shown
from search.console.typed_lines import INDENT, typed
from search.errors import Quarantined, SearchError, SearchFailed, UsageError
from search.host.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_STORAGE, EXIT_USAGE
from search.host.interrupts import interrupts_told
from storage.default_url import DEFAULT_STORAGE

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLE_WIDTH = 60
OBJECTS_TO_COLLECT = 50_000  # new ones before Python looks for garbage; its default is 700


class Verb(click.Command):
    """A command whose flags can also come from the environment and from a file, and whose errors end it with a message
    and an exit code.

    `examples` are command lines to type, each with its purpose, or "" if that is obvious; they end the
    --help.
    """

    def __init__(self, *args: Any, examples: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        kwargs["context_settings"] = {"help_option_names": ["-h", "--help"], **kwargs.get("context_settings", {})}
        super().__init__(*args, **kwargs)
        self.examples: Mapping[str, str] = examples or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the flags, under headings where they are many."""
        flags = {flag_name(parameter): parameter.get_help_record(ctx) for parameter in self.get_params(ctx)}
        rows = {name: row for name, row in flags.items() if row is not None}
        if len(rows) < MANY:
            super().format_options(ctx, formatter)
            return
        for heading, names in grouped(rows).items():
            with formatter.section(heading):
                formatter.write_dl([rows[name] for name in names])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples, below what click writes."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            formatter.write_paragraph()
            formatter.write("Examples:\n")
            formatter.write("\n".join(example_lines(self.examples, formatter.width)) + "\n")

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parses the arguments; see click.Command.make_context."""
        extra.setdefault("auto_envvar_prefix", "SEARCH")
        accept_all_letters()
        arguments = tuple(args)  # click takes them out of the list
        try:
            require_no_nul(args)
            if not extra.get("resilient_parsing"):  # a shell completes what is half typed
                require_no_empty(args, self.params)
            require_no_misspelled_variable(self)
            context = super().make_context(info_name, args, parent, **extra)
            require_usable(context)
        except click.UsageError as given:
            error = explained(given, arguments)
            message = error.format_message()
            told = shown(hide_typed(message, arguments))  # it names files, or settings of a file
            if message == told:
                raise error from None
            raise click.UsageError(told, error.ctx) from given
        return context

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the command as a program; see click.Command.main."""
        drop_unwritable_progress()
        with machine_errors():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command's function, with only its result on standard output, and turns our errors into
        exit codes.
        """
        leave_garbage()
        with answers_alone(ctx), errors_as_exit_codes(), interrupts_told():
            return super().invoke(ctx)


def flag_name(parameter: click.Parameter) -> str:
    """The name of a parameter; that of --help, which click names in its own way, is help."""
    return "help" if "--help" in parameter.opts else parameter.name or ""


def leave_garbage() -> None:
    """Makes this process collect garbage more rarely, as most of what a command's imports create stays, and exit
    without a final collection, which takes a quarter of a second for memory that is released anyway.
    """
    gc.set_threshold(OBJECTS_TO_COLLECT, *gc.get_threshold()[1:])
    atexit.unregister(gc.freeze)  # commands may be run one after another in one process
    atexit.register(gc.freeze)


def format_flag(*formats: str) -> Callable[[F], F]:
    """Adds -f/--format with these formats, the first of which is the default."""
    return click.option(
        "-f",
        "--format",
        "format_",
        envvar="SEARCH_FORMAT",
        type=click.Choice(formats),
        default=formats[0],
        help=f"Output format.  [default: {formats[0]}]",
    )


def example_lines(examples: Mapping[str, str], width: int) -> Iterator[str]:
    """The lines of the examples; remarks are aligned, or on the next line if a command is too long."""
    column = max((len(command) for command in examples if len(command) <= EXAMPLE_WIDTH), default=0)
    for command, remark in examples.items():
        together = f"{INDENT}{command:<{column}}  {remark}".rstrip()
        if len(command) <= column and len(together) <= width:
            yield together
        else:
            yield from typed(command, width)
            yield from [f"{INDENT * 3}{remark}"] if remark else []


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Ends the process with the exit code of an error from the block, and its message on stderr."""
    from spaces.errors import SpaceError
    from storage.errors import StorageError, StorageUsageError

    try:
        yield
    except (UsageError, SpaceError, StorageUsageError) as error:
        leave(error, EXIT_USAGE)
    except (SearchFailed, Quarantined) as error:
        leave(error, EXIT_FAILED)
    except (SearchError, StorageError) as error:
        leave(error, EXIT_STORAGE)
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


def leave(error: Exception, code: int) -> None:
    """Prints the error as one message and ends the process."""
    log.debug("what led to it", exc_info=error)
    tell(f"Error: {sentence(str(error))}")
    raise SystemExit(code) from None


def sentence(text: str) -> str:
    """The text with a full stop; its first letter isn't capitalized, as it may belong to a file's name."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def start_logging(verbose: int, quiet: bool) -> None:
    """Logs to standard error: warnings; with -v also information, with -vv everything; with -q only errors."""
    level = logging.ERROR if quiet else {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    log_to_errors(level, hider())
    logging.getLogger("alembic").setLevel(logging.WARNING)


def shared_flags(command: F) -> F:
    """The flags that every command on a study has."""
    flags = [
        click.option(
            "--storage",
            envvar=["SEARCH_STORAGE", "OPTUNA_STORAGE"],
            default=DEFAULT_STORAGE,
            show_default=True,
            help="The database of the study: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE. "
            "Set OPTUNA_STORAGE instead to keep a password off the command line.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            is_eager=True,
            callback=read_config,
            help="A TOML file with values for these flags (n-trials = 40).",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print only results and errors."),
        click.option("-v", "--verbose", count=True, help="Log more (-vv: debug)."),
    ]
    return with_flags(command, flags)
