"""Writes the list of spaces in docs/spaces.md, as `python -m search.spaces` prints it: `make docs`."""

import os
import re
from pathlib import Path

from search.views.space_text import all_as_text
from spaces import resolve, space_names

PAGE = Path(__file__).with_name("spaces.md")
LIST = re.compile(r"(?<=<!-- spaces -->\n```text\n).*?(?=```)", re.DOTALL)
WIDTH = 118


def page() -> str:
    """The page as it should be."""
    os.environ["COLUMNS"] = str(WIDTH)
    listed = all_as_text([resolve(name) for name in space_names()]) + "\n"
    return LIST.sub(lambda _: listed, PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
