"""What the examination of a machine found, for a terminal."""

from collections.abc import Iterator, Mapping, Sequence

from search.host.examination import Finding, Verdict
from search.views.layout import terminal_width, wrapped

MARKS: Mapping[Verdict, str] = {"ok": "ok", "note": "note", "problem": "PROBLEM"}
HANGING = " " * 19


def findings_text(found: Sequence[Finding]) -> str:
    """The findings, and a verdict."""
    problems = sum(finding.verdict == "problem" for finding in found)
    verdict = (
        "This machine can search."
        if not problems
        else f"{problems} problem{'' if problems == 1 else 's'}: a search won't run here."
    )
    return "\n".join([*(line for finding in found for line in finding_lines(finding)), "", verdict])


def finding_lines(finding: Finding) -> Iterator[str]:
    """One finding, and below it what to do."""
    yield from wrapped(finding.found, terminal_width(), f"{MARKS[finding.verdict]:<7}  {finding.name:<9} ", HANGING)
    yield from wrapped(finding.advice, terminal_width(), HANGING)
