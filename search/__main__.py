"""`python -m search`: lists the commands by task and runs them: `python -m search launch …`.

Installed, it is the program `keras-image-search`, whose commands, flags and names a shell can complete.
"""

from importlib import import_module
from typing import Any

import click

from search.commands.streams import drop_unwritable_progress, machine_errors
from search.commands.verbs import TASKS, VERBS
from spaces.names import unknown_name

MODULE = "python -m search"


class CommandGroup(click.Group):
    """The commands, each imported when it is asked for."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the program; see click.Command.main."""
        drop_unwritable_progress()
        with machine_errors():
            return super().main(*args, **extra)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name; None if there is none while a shell completes it, else that is an error."""
        if name not in VERBS:
            if ctx.resilient_parsing:
                return None
            raise click.UsageError(unknown_name("command", name, VERBS), ctx)
        command: click.Command = import_module(f"search.{name}").main
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands as they are typed, a list for each task."""
        program = ctx.find_root().info_name or MODULE
        before = f"{MODULE}." if program == MODULE else f"{program} "
        for task, verbs in TASKS.items():
            with formatter.section(task.capitalize()):
                formatter.write_dl([(f"{before}{verb}", purpose) for verb, purpose in verbs.items()])
        formatter.write_paragraph()
        formatter.write_text(f"Help on one of them: {before}launch --help")


@click.command(
    cls=CommandGroup,
    invoke_without_command=True,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="keras-image-search", prog_name="keras-image-search", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Hyperparameter search for Keras image models."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


if __name__ == "__main__":
    main(prog_name=MODULE)
