"""Text without the folders of the machine on which it was made."""

import re
import shlex

FOLDERS = re.compile(r"(^|=)(sqlite:///)?(?:~[^/]*)?/(?:[^/]*/)*")


def without_folders(command: str) -> str:
    """A command in which absolute paths are names alone."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return shlex.join(word if "://" in word and "sqlite:" not in word else nameless(word) for word in words)


def nameless(word: str) -> str:
    """A word, or a reference such as /home/me/space.py:space, without the folders of absolute paths."""
    return FOLDERS.sub(r"\1\2", word)
