"""What a check finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["ok", "look", "problem", "not enough data"]


@dataclass(frozen=True)
class Finding:
    """The answer of one check: a verdict, a sentence, the numbers behind it, and the verb and arguments of a command
    that does something about it ("" where there is nothing to do).
    """

    check: str
    verdict: Verdict
    words: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    next_command: str = ""
