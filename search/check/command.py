"""`python -m search.check`: is this study's answer to be trusted?"""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import answer, answer_json
from search.commands.chosen_study import chosen_study, study_flag
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.host.exit_codes import EXIT_FAILED

FAILING = {"warn": ("look", "problem"), "problem": ("problem",)}

EXAMPLES = {
    "python -m search.check": "",
    "python -m search.check --study-name bn_dropout-digits -f json": "",
    "python -m search.check --fail-on problem": "for a script",
}


@click.command(cls=Verb, name="check", examples=EXAMPLES)
@shared_flags
@study_flag
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the NAME.npz files of named data sets on this host.  [default: the study's]",
)
@click.option("--images/--no-images", default=True, help="Look for images that are in several parts.  [default: yes]")
@click.option(
    "--fail-on",
    type=click.Choice(list(FAILING)),
    help="Exit with code 1 if a check says look (warn), or only if one finds a problem.",
)
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Checks whether a search's result can be trusted: enough trials, wide enough ranges, long enough training, whether
    the best trial differs from the others, luck in its score, overfitting, pruning, failures, copied images.

    Each check says ok, look, problem or ? (not enough data), with its numbers and the command to continue with.
    """
    from search.check.checks import CHECKS
    from search.check.gathering import copies_of, record_of
    from search.check.texts import as_json, as_text
    from search.views.facts import gather_facts
    from search.views.next_commands import storage_flag

    start_logging(flags["verbose"], flags["quiet"])
    with chosen_study(flags["storage"], flags["study_name"]) as shared:
        facts = gather_facts(shared)
    record = record_of(facts)
    findings = [check(record) for check in CHECKS]
    if flags["images"]:
        findings.append(copies_of(facts.manifest, flags["data_dir"]))
    where = storage_flag(flags["storage"])
    if flags["format_"] == "json":
        answer_json(as_json(record.name, findings, where))
    else:
        answer(as_text(record.name, findings, where))
    if flags["fail_on"] and any(finding.verdict in FAILING[flags["fail_on"]] for finding in findings):
        raise SystemExit(EXIT_FAILED)
