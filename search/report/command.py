"""`python -m search.report`: what a study found, on one page."""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import answer, tell
from search.commands.chosen_study import chosen_study, study_flag
from search.commands.cli import Verb, shared_flags, start_logging

EXAMPLES = {
    "python -m search.report": "",
    "python -m search.report --study-name bn_dropout-digits -o report.html": "",
    "python -m search.report --format md": "for a pull request",
    "python -m search.report -o report.md": "Markdown",
    "python -m search.report --force": "overwrite an earlier one",
}


@click.command(cls=Verb, name="report", examples=EXAMPLES)
@shared_flags
@study_flag
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write, NAME.html or NAME.md.  [default: report.html; Markdown goes to standard output]",
)
@click.option(
    "-f",
    "--format",
    "format_",
    envvar="SEARCH_REPORT_FORMAT",
    type=click.Choice(["html", "md"]),
    help="A page for the browser, or a few lines of Markdown.  [default: by the suffix of -o, else html]",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def main(**flags: Any) -> None:
    """Writes a report on a study: the best trials, by how much they won and how certain that is, figures, all trials.

    The page is one file that needs no network: send it, or keep it with the paper. It can be written at any time, also
    while the search runs.
    """
    from search.report.making import make_report
    from search.report.output import chosen_output

    start_logging(flags["verbose"], flags["quiet"])
    output = chosen_output(flags["output"], flags["format_"], force=flags["force"])
    with chosen_study(flags["storage"], flags["study_name"]) as shared:
        text = make_report(shared, output.format_, output.path)
    if text is not None:
        answer(text, nl=False)
    elif not flags["quiet"]:
        tell(f"{output.path} is written{': open it in a browser' if output.format_ == 'html' else ''}.")


if __name__ == "__main__":
    main()
