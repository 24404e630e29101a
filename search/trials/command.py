"""`python -m search.trials`: all trials of a study, as a table, CSV, JSON or Markdown."""

from typing import Any, Literal, assert_never

import click

from search.commands.answer import answer, answer_json
from search.commands.chosen_study import chosen_study, study_flag
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.errors import UsageError

Format = Literal["table", "csv", "json", "md"]

EXAMPLES = {
    "python -m search.trials": "",
    "python -m search.trials bn_dropout-digits -f csv": "for a spreadsheet or pandas",
    "python -m search.trials bn_dropout-digits -f json": "",
}


@click.command(cls=Verb, name="trials", examples=EXAMPLES)
@click.argument("study", required=False)
@shared_flags
@study_flag
@format_flag("table", "csv", "json", "md")
def main(**flags: Any) -> None:
    """Prints all trials of a STUDY: state, value, epochs, times, scores of the last epoch, parameters, configuration.

    csv and json have every column in a fixed order and numbers in full; table and md show the most important ones.
    """
    from search.trials.rows import trial_rows
    from search.trials.texts import as_csv, as_json, as_markdown, as_table
    from search.views.facts import gather_facts

    start_logging(flags["verbose"], flags["quiet"])
    with chosen_study(flags["storage"], one_name(flags["study"], flags["study_name"])) as shared:
        facts = gather_facts(shared)
    rows = trial_rows(facts)
    format_: Format = flags["format_"]
    match format_:
        case "table":
            answer(as_table(facts, rows), nl=False)
        case "csv":
            answer(as_csv(rows), nl=False)
        case "json":
            answer_json(as_json(facts, rows))
        case "md":
            answer(as_markdown(facts, rows))
        case _:
            assert_never(format_)


def one_name(argument: str | None, flag: str | None) -> str | None:
    """The study's name, given either way; raises UsageError if they contradict each other."""
    if argument is not None and flag is not None and argument != flag:
        raise UsageError(f"the study is given as {argument!r} and by --study-name as {flag!r}: leave one of them out")
    return argument if argument is not None else flag
