"""The GPUs of the nodes of Kubernetes, and whether it may add nodes."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from search.cluster.gpus import go_on_unchecked, require_gpus
from search.errors import UsageError

GPU = "nvidia.com/gpu"
FORBIDDEN = "forbidden"
STATUS = "cluster-autoscaler-status"  # the ConfigMap in which the cluster autoscaler says how it is
KARPENTER = "karpenter.sh"
# Of nodes of services whose autoscaler runs where it can't be seen, and of nodes that stand for another cluster.
GROWING = (
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "eks.amazonaws.com/compute-type",
    "karpenter.sh/nodepool",
)
VIRTUAL = ("type", "virtual-kubelet")

Run = Callable[..., str]


def require_node_gpus(run: Run, wanted: int, labels: Mapping[str, str], queue: str | None) -> None:
    """Checks that a node with these labels has that many GPUs, as `require_gpus` does. `run` is kubectl.

    A `queue` of Kueue may have nodes made, or send the Job to another cluster. Who may not list nodes goes on without
    the check.

    Raises:
        UsageError: none has.
        InfrastructureError: the cluster doesn't answer.
    """
    try:
        nodes: list[dict[str, Any]] = msgspec.json.decode(run("get", "nodes", "--output=json"))["items"]
    except UsageError as error:
        if FORBIDDEN not in str(error).lower():
            raise
        go_on_unchecked(error)
        return
    fitting = [node for node in nodes if labels.items() <= labels_of(node).items()]
    require_gpus(wanted, [*map(gpus_of, fitting)], lambda: queue is not None or may_grow(run, nodes))


def labels_of(node: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a node."""
    labels: dict[str, str] = node["metadata"].get("labels") or {}
    return labels


def gpus_of(node: Mapping[str, Any]) -> int:
    """The GPUs of a node, in use or not. What can be allocated is the capacity, if nothing else is said."""
    status = node.get("status", {})
    return int((status.get("allocatable") or status.get("capacity") or {}).get(GPU, 0))


def may_grow(run: Run, nodes: list[dict[str, Any]]) -> bool:
    """Whether the cluster has an autoscaler, or may have one that can't be seen."""
    if any(label in labels_of(node) for node in nodes for label in GROWING):
        return True
    if any(VIRTUAL in labels_of(node).items() for node in nodes):
        return True
    named = ("--all-namespaces", f"--field-selector=metadata.name={STATUS}", "--output=name")
    try:
        return bool(
            run("get", "configmaps", *named).strip()
            or run("api-resources", f"--api-group={KARPENTER}", "--output=name").strip()
        )
    except UsageError:  # it may not be looked for
        return True
