"""The end of a log."""

from pathlib import Path


def log_tail(log: Path, most: int) -> str:
    """The last `most` bytes of a log, however long it is, without blank lines around them."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - most))
        return file.read().decode(errors="replace").strip()
