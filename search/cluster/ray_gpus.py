"""The GPUs of the nodes of Ray, and whether it may add nodes."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from search.cluster.gpus import go_on_unchecked, require_gpus
from search.errors import UsageError

# Without an autoscaler each node is a type of its own, named by the node's id.
OWN_TYPE = re.compile(r"node_?[0-9a-f]{20,}", re.IGNORECASE)

Ask = Callable[[str], Any]


def require_node_gpus(ask: Ask, wanted: int) -> None:
    """Checks that a node has that many GPUs, as `require_gpus` does. `ask` asks the cluster's dashboard. Where that
    doesn't say it, this goes on without the check.

    Raises:
        UsageError: none has.
        InfrastructureError: the cluster doesn't answer.
    """
    try:
        summary = ask("/nodes?view=summary")["data"]["summary"]
    except UsageError as error:
        go_on_unchecked(error)
        return
    raylets = [node.get("raylet") or {} for node in summary]
    alive = [raylet for raylet in raylets if raylet.get("state", "ALIVE") == "ALIVE"]
    if not all("resourcesTotal" in raylet for raylet in alive):  # a node that has just joined, or an old release
        go_on_unchecked("Ray doesn't say yet what its nodes have")
        return
    gpus = [int(raylet["resourcesTotal"].get("GPU", 0)) for raylet in alive]
    require_gpus(wanted, gpus, lambda: may_grow(ask, alive))


def may_grow(ask: Ask, raylets: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the cluster has an autoscaler, or may have one that can't be seen."""
    if any(raylet.get("nodeTypeName") for raylet in raylets):  # of KubeRay, or of an autoscaler's own
        return True
    try:
        status = ask("/api/cluster_status")["data"].get("clusterStatus") or {}
    except UsageError:
        return True
    report = status.get("autoscalerReport") or {}
    types = [name for part in ("activeNodes", "idleNodes", "pendingLaunches") for name in report.get(part) or ()]
    return bool(report.get("pendingNodes")) or not all(map(OWN_TYPE.fullmatch, types))
