"""GPUs that no node of a cluster has are refused, unless the cluster may add such nodes."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from search.errors import UsageError

log = logging.getLogger(__name__)


def require_gpus(wanted: int, nodes: Sequence[int], may_grow: Callable[[], bool]) -> None:
    """Raises UsageError if no node has that many GPUs, in use or not, and the cluster adds no nodes; warns if it may.

    `nodes` are the GPUs of each node. `may_grow` is asked only where it matters.
    """
    if any(gpus >= wanted for gpus in nodes):
        return
    lack = f"no node of the cluster has {wanted} GPU{'s' * (wanted != 1)} ({in_words(nodes)})"
    if not may_grow():
        raise UsageError(f"{lack}: ask for fewer with --gpus")
    log.warning("%s: the jobs wait until it adds one, as it may have an autoscaler", lack)


def go_on_unchecked(why: object) -> None:
    """Says that it isn't known which GPUs the nodes have."""
    log.warning("whether a node has the GPUs isn't checked: %s", why)


def in_words(nodes: Sequence[int]) -> str:
    """What the nodes have: 2 nodes have 4, 1 node has none."""
    counts = sorted(Counter(nodes).items(), reverse=True)
    parts = [f"{count} node{'s have' if count != 1 else ' has'} {gpus or 'none'}" for gpus, count in counts]
    return ", ".join(parts) or "it has no such node"
