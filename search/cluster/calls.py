"""Calls of an engine's own commands, whose words are passed on."""

import re
import subprocess
from collections.abc import Mapping, Sequence

from search.errors import InfrastructureError, UsageError
from storage.masking import hide_in_text

PATIENCE_S = 60.0
LOG_LINE = re.compile(r"[EFIW]\d{4} \d\d:")  # of kubectl's own log


def call(
    words: Sequence[str],
    *,
    hint: str,
    away: Sequence[str] = (),
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Runs a command of an engine; returns what it prints. `hint` says what to do where there is no such command.

    Raises:
        UsageError: it isn't on this machine, or refuses: in its own words.
        InfrastructureError: it doesn't answer, or says one of the texts in `away`.
    """
    try:
        done = subprocess.run(
            words, input=stdin, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except FileNotFoundError:
        raise UsageError(f"there is no {words[0]} on this machine: {hint}") from None
    except subprocess.TimeoutExpired:
        raise InfrastructureError(f"{words[0]} didn't answer within {PATIENCE_S:.0f} s") from None
    if done.returncode == 0:
        return done.stdout
    said = in_one_line(done.stderr or done.stdout) or f"exit code {done.returncode}"
    kind = InfrastructureError if any(text in said for text in away) else UsageError
    raise kind(f"{words[0]} says: {said}")


def in_one_line(said: str) -> str:
    """What a command said, without its log and without passwords."""
    lines = [line for line in said.splitlines() if not LOG_LINE.match(line)]
    return hide_in_text(" ".join(" ".join(lines or said.splitlines()).split()))
