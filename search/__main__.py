"""`python -m search`: lists the commands by task and runs them: `python -m search launch …`.

Installed, it is the program `keras-image-search`, whose commands, flags and names a shell can complete.
"""

from importlib import import_module
from typing import Any

import click

from search.commands.streams import machine_errors, speak_to_nobody_if_need_be
from spaces.names import unknown_name

# A command is one line here, in the task that it serves; its module is search/VERB.py.
TASKS = {
    "search": {
        "spaces": "list the search spaces, or show one in full",
        "launch": "search a space and print the best model",
        "worker": "join a study, or all studies of a database, and run their trials",
        "cluster": "run a study's workers on Slurm, Kubernetes or Ray",
        "queue": "say which studies workers serve first; pause, resume or cancel one",
        "stop": "drain a study: finish running trials, start no others",
    },
    "inspect": {
        "studies": "list the studies of a database; rename, copy or delete one; clean up",
        "status": "show the progress of a study: trials, best, workers, failures, time left",
        "trials": "print all trials of a study, also as CSV, JSON or Markdown",
        "check": "check whether a search's result can be trusted, and what to do about it",
        "report": "write a study's results on one page: figures, all trials, statistical certainty",
        "dashboard": "show studies in the browser",
    },
    "compare": {
        "compare": "compare arms on common replicates, with error bars",
        "confirm": "train the best trials of a search again, on fresh seeds",
        "answer": "race a search's best trials: which is best, and how sure that is",
        "explain": "find out which settings matter, by a designed screening",
        "noise": "measure where the spread of equal trainings is from",
    },
    "use": {
        "best": "print the best configuration",
        "export": "write a trained model that Keras loads without this project",
        "predict": "classify images with an exported model",
        "mcp": "serve studies as tools to language models",
        "doctor": "examine this machine and say what to do about each problem",
    },
}

VERBS = {verb: purpose for verbs in TASKS.values() for verb, purpose in verbs.items()}


class Program(click.Group):
    """The commands, each imported when it is asked for."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs the program; see click.Command.main."""
        speak_to_nobody_if_need_be()
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

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands, a list for each task."""
        for task, verbs in TASKS.items():
            with formatter.section(task.capitalize()):
                formatter.write_dl([(f"python -m search.{verb}", purpose) for verb, purpose in verbs.items()])
        formatter.write_paragraph()
        formatter.write_text("Help on one of them: python -m search.launch --help")


@click.command(cls=Program, invoke_without_command=True, context_settings={"max_content_width": 100})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Hyperparameter search for Keras image models."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


if __name__ == "__main__":
    main(prog_name="python -m search")
