"""Text from outside: names of files, studies and classes, choices, messages of other programs. What can be stored of
it, and how it is shown.
"""

import re

# Control characters but for tabs and ends of lines, half characters, and what turns the direction of writing round.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def is_text(text: str) -> bool:
    """Whether databases, JSON and UTF-8 files can hold it: Python makes half characters of bytes in names that aren't
    UTF-8, and Postgres takes no NUL.
    """
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def shown(text: str) -> str:
    """The text as a terminal may have it: escaped where it would move the cursor, change colors, or hide something."""
    return UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
