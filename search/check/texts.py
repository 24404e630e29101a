"""Findings for a terminal and for programs."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from search.check.finding import Finding, Verdict
from search.views.layout import terminal_width, wrapped
from search.views.next_commands import python

MARKS: Mapping[Verdict, str] = MappingProxyType(
    {"ok": "ok", "look": "look", "problem": "PROBLEM", "not enough data": "?"}
)
COUNTED: Mapping[Verdict, str] = MappingProxyType(
    {"ok": "ok", "look": "to look at", "problem": "with a problem", "not enough data": "without enough data"}
)
NAME = 19
HANGING = " " * (10 + NAME)


def as_text(study_name: str, findings: Sequence[Finding], storage_flag: str) -> str:
    """The findings, each with the command that does something about it, and a verdict."""
    lines = [line for finding in findings for line in _lines(finding, storage_flag)]
    return "\n".join([f"Checks of {study_name}", "", *lines, "", verdict(findings)])


def verdict(findings: Sequence[Finding]) -> str:
    """All findings in a sentence."""
    counts = Counter(finding.verdict for finding in findings)
    parts = [f"{counts[one]} {words}" for one, words in COUNTED.items() if counts[one]]
    return f"{len(findings)} checks: {', '.join(parts)}."


def as_json(study_name: str, findings: Sequence[Finding], storage_flag: str) -> str:
    """One document."""
    found = [{**asdict(one), "next_command": next_command(one, storage_flag)} for one in findings]
    return json.dumps({"study_name": study_name, "findings": found}, indent=2)


def next_command(finding: Finding, storage_flag: str) -> str:
    """The command that does something about it, as it can be typed; "" if there is none."""
    if not finding.next_command:
        return ""
    verb = finding.next_command.partition(" ")[0]
    return f"{python()} -m search.{finding.next_command}{'' if verb == 'spaces' else storage_flag}"


def _lines(finding: Finding, storage_flag: str) -> Iterator[str]:
    head = f"{MARKS[finding.verdict]:<8}  {finding.check:<{NAME}}"
    yield from wrapped(finding.words, terminal_width(), head, HANGING)
    if command := next_command(finding, storage_flag):
        yield from wrapped(command, terminal_width(), f"{HANGING}→ ", f"{HANGING}  ")
