"""Command lines that can be typed or pasted, however narrow the terminal is."""

import re
from collections.abc import Sequence

INDENT = "  "
FURTHER = 2  # columns that the further lines of a command are indented by
CONTINUED = " \\"
WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")  # of a shell, with its quotes


def typed(line: str, width: int) -> list[str]:
    """A command line that can be typed or pasted: if it is longer than the terminal is wide, it is broken
    with backslashes before flags.
    """
    if len(line) + len(INDENT) <= width:
        return [f"{INDENT}{line}"]
    first, *flags = with_their_values(WORD.findall(line))
    lines = [first]
    for flag in flags:
        together = f"{lines[-1]} {flag}"
        if len(together) + len(INDENT + CONTINUED) + (FURTHER if len(lines) > 1 else 0) <= width:
            lines[-1] = together
        else:
            lines.append(flag)
    indented = [f"{INDENT}{lines[0]}", *(f"{INDENT}{' ' * FURTHER}{rest}" for rest in lines[1:])]
    return [*(f"{part}{CONTINUED}" for part in indented[:-1]), indented[-1]]


def with_their_values(words: Sequence[str]) -> list[str]:
    """The words of a command, each flag together with what follows it; -m belongs to Python."""
    parts = list[str]()
    for word in words:
        if not parts or (word.startswith("-") and word != "-m"):
            parts.append(word)
        else:
            parts[-1] += f" {word}"
    return parts
