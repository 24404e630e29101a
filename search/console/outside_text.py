"""Text from outside: names of files, studies and classes, choices, messages of other programs. Whether it can be
stored, and how it is shown.
"""

import re
import unicodedata

# Control characters except tabs and line ends, surrogates, and characters that change the direction of text.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

NOT_IN_A_LINE = ("Cc", "Zl", "Zp")  # Unicode's categories of control characters, line and paragraph ends


def is_text(text: str) -> bool:
    """Whether databases, JSON and UTF-8 files can store it: Python turns bytes in names that aren't UTF-8 into
    surrogates, and Postgres accepts no NUL.
    """
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def is_one_line(text: str) -> bool:
    """Whether it can be a name in lists, tables and sentences: it can be stored, something of it is to be seen, and it
    has no line ends or other control characters.
    """
    return bool(text.strip()) and is_text(text) and not any(unicodedata.category(one) in NOT_IN_A_LINE for one in text)


def shown(text: str) -> str:
    """The text made safe for a terminal: escaped where it would move the cursor, change colors, or hide something."""
    return UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
