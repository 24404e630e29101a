"""Whether a path exists, for any text that a user gives."""

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether it is a file; names that are too long for the system, or have a NUL in them, are none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder, likewise."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def at_home(path: Path) -> Path:
    """The path with ~ as the user's home; as it is where there is no such user, nor can be."""
    try:
        return path.expanduser()
    except (RuntimeError, ValueError):
        return path
