"""The files of a study's fleet, in a folder that only its owner may enter: script, logs, and the storage's URL."""

import os
from pathlib import Path

SECRET = "storage.url"  # noqa: S105 - the file's name


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, in a folder that only its owner can enter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def remove_own(folder: Path, *names: str) -> None:
    """Removes those files, and the folder if nothing is left in it."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
