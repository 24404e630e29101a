"""Text in Markdown as it is."""

import re
from typing import Any

# An underscore within a word, as names have them, is no emphasis.
SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~!$&]|(?<!\w)_|_(?!\w))")
BEGINS_LIST = re.compile(r"^(\d*)([-+.)])(?=\s|$)")


def escaped(text: Any) -> str:
    """Text that Markdown shows as it is: names and reasons come from outside."""
    return BEGINS_LIST.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", " ".join(str(text).split())))
