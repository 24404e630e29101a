"""How much of the machine's memory images may take: files are refused by what they say of themselves, before any of it
is taken.
"""

from search.datasets.errors import ArrayError
from search.host.cgroup import total_memory

SHARE = 0.5  # splitting them, and bringing them into form, takes as much again


def require_memory(size: int, what: str) -> None:
    """Raises ArrayError if this many bytes of images are more than half of the machine's memory."""
    most = int(SHARE * total_memory())
    if size > most:
        raise ArrayError(
            f"{what} would take {size / 1e9:,.1f} GB, and {most / 1e9:,.1f} GB are the most: {SHARE:.0%} of this "
            "machine's memory. Give fewer or smaller images, store them as uint8, or take a machine with more memory"
        )
