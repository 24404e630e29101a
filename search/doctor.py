"""`python -m search.doctor`: whether this machine can search, and what to do if it can't."""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import answer, answer_json
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.host.exit_codes import EXIT_FAILED

EXAMPLES = {
    "python -m search.doctor": "",
    "python -m search.doctor --storage postgresql://me@db/search": "",
    "python -m search.doctor --clear-cache": "and remove the programs that launches have traced",
    "python -m search.doctor -f json": "",
}


@click.command(cls=Verb, name="doctor", examples=EXAMPLES)
@shared_flags
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of checkpoints and models, whose disk is checked.  [default: that of the storage]",
)
@click.option(
    "--clear-cache", is_flag=True, help="Remove your traced programs first; the next launch traces them again."
)
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Examines this machine: Python, Keras and its backend, GPUs, memory, disk, the storage and its clock, versions,
    trainer servers that launches have left.

    Says what to do about each problem. Without --clear-cache nothing is created or changed. The exit code is 0 if a
    search can run here, 1 if not; notes don't count.
    """
    from search.host.examination import as_json, examine
    from search.study.folders import default_artifacts
    from search.trainers.server_finding import servers_finding
    from search.views.findings_text import findings_text

    start_logging(flags["verbose"], flags["quiet"])
    if flags["clear_cache"]:
        removed = removed_programs()
        if flags["format_"] == "table":
            answer(f"{removed} traced programs are removed.")
    findings = examine(flags["storage"], flags["artifacts"] or default_artifacts(flags["storage"]))
    findings.append(servers_finding())
    if flags["format_"] == "json":
        answer_json(as_json(findings))
    else:
        answer(findings_text(findings))
    if any(finding.verdict == "problem" for finding in findings):
        raise SystemExit(EXIT_FAILED)


def removed_programs() -> int:
    """Removes the user's traced programs; how many there were."""
    from search.host.program_folder import program_folder, remove_programs

    folder = program_folder()
    return 0 if folder is None else remove_programs(folder)


if __name__ == "__main__":
    main()
