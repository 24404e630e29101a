"""Text from outside: names of files, studies and classes, choices, messages of other programs. Whether it can be
stored, and how it is shown.
"""

import re

# Control characters except tabs and line ends, surrogates, and characters that change the direction of text.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def is_text(text: str) -> bool:
    """Whether databases, JSON and UTF-8 files can store it: Python turns bytes in names that aren't UTF-8 into
    surrogates, and Postgres accepts no NUL.
    """
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def shown(text: str) -> str:
    """The text made safe for a terminal: escaped where it would move the cursor, change colors, or hide something."""
    return UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
