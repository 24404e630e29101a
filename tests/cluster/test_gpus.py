"""GPUs that no node has: refused before anything is submitted, unless the cluster may add nodes that have them."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from search.cluster.command import main
from search.cluster.engine import Engine
from search.cluster.engines import ray
from search.cluster.engines.kubernetes import Kubernetes
from search.cluster.engines.ray import ADDRESS, Ray
from search.cluster.fleet import Resources
from search.cluster.testing import example_fleet
from search.errors import InfrastructureError, UsageError
from storage import create_study
from storage.records import SlotOrder
from storage.testkit import example_manifest

# Answers questions about the cluster from files named by their words; whatever has no file is forbidden.
KUBECTL = """\
#!/bin/bash
for word in "$@"; do
  file={folder}/answers/$word
  [ -f "$file" ] && {{ cat "$file"; exit 0; }}
done
echo "Error from server (Forbidden): $* is forbidden: User \\"me\\" cannot list it" >&2
exit 1
"""
NODE = "0123456789abcdef0123456789abcdef0123456789abcdef01234567"


def require(engine: Engine, gpus: int, folder: Path, queue: str | None = None, *options: str) -> None:
    """Has the engine check a fleet with so many GPUs a job."""
    resources = Resources(gpus=gpus, queue=queue, options=options)
    engine.require_accepted(replace(example_fleet(folder), resources=resources), 2)


@dataclass(frozen=True)
class KubeAnswers:
    """What the kubectl of the test says."""

    folder: Path

    def say(self, word: str, answer: str = "") -> None:
        (self.folder / "answers" / word).write_text(answer)

    def nodes(self, *gpus: int, **labels: str) -> None:
        """Nodes with these GPUs, and with these labels; in the words of a server that says what can be allocated."""
        items = [
            {
                "metadata": {
                    "name": f"k{number}",
                    "labels": {name.replace("_", "/"): of for name, of in labels.items()},
                },
                "status": {
                    "capacity": {"nvidia.com/gpu": "8"},
                    "allocatable": {"cpu": "4", "nvidia.com/gpu": str(count)},
                },
            }
            for number, count in enumerate(gpus)
        ]
        self.say("nodes", json.dumps({"items": items}))


@pytest.fixture
def kube(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KubeAnswers:
    """A cluster in which no autoscaler is to be seen."""
    (tmp_path / "answers").mkdir()
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL.format(folder=tmp_path))
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    made = KubeAnswers(tmp_path)
    made.say("configmaps")
    made.say("api-resources")
    return made


def test_kubernetes_refuses_gpus_that_no_node_has_and_names_what_they_have(kube: KubeAnswers, tmp_path: Path) -> None:
    kube.nodes(4, 0, 4)
    require(Kubernetes(), 4, tmp_path)
    with pytest.raises(UsageError, match=r"no node of the cluster has 5 GPUs \(2 nodes have 4, 1 node has none\): ask"):
        require(Kubernetes(), 5, tmp_path)


def test_of_kubernetes_only_the_nodes_that_the_pods_want_count(kube: KubeAnswers, tmp_path: Path) -> None:
    kube.nodes(4, pool="a")
    require(Kubernetes(), 4, tmp_path, None, "pool=a")
    with pytest.raises(UsageError, match=r"no node of the cluster has 1 GPU \(it has no such node\)"):
        require(Kubernetes(), 1, tmp_path, None, "pool=b")


def test_who_may_not_list_nodes_goes_on_and_is_told_so(
    kube: KubeAnswers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not (kube.folder / "answers" / "nodes").exists()
    require(Kubernetes(), 5, tmp_path)
    assert "whether a node has the GPUs isn't checked: kubectl says: Error from server (Forbidden)" in caplog.text


@pytest.mark.parametrize(
    "grow",
    [
        pytest.param(lambda kube: kube.say("configmaps", "configmap/cluster-autoscaler-status"), id="its status"),
        pytest.param(lambda kube: kube.say("api-resources", "nodepools.karpenter.sh"), id="Karpenter"),
        pytest.param(lambda kube: kube.nodes(1, **{"cloud.google.com_gke-nodepool": "p"}), id="a service's own"),
        pytest.param(lambda kube: kube.nodes(1, type="virtual-kubelet"), id="another cluster"),
        pytest.param(lambda kube: (kube.folder / "answers" / "configmaps").unlink(), id="forbidden to look for it"),
    ],
)
def test_a_cluster_that_may_add_nodes_is_waited_for(
    grow: Callable[[KubeAnswers], None], kube: KubeAnswers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kube.nodes(1)
    grow(kube)
    require(Kubernetes(), 5, tmp_path)
    assert "no node of the cluster has 5 GPUs (1 node has 1): the jobs wait until it adds one" in caplog.text


def test_a_queue_may_have_nodes_made(kube: KubeAnswers, tmp_path: Path) -> None:
    kube.nodes(1)
    require(Kubernetes(), 5, tmp_path, "team")


RayAnswers = dict[str, Any]


@pytest.fixture
def ray_says(monkeypatch: pytest.MonkeyPatch) -> RayAnswers:
    """What a Ray without autoscaler says: two nodes with 2 GPUs and none, and no jobs. Whatever else is asked fails."""
    found = {
        "/nodes?view=summary": nodes_of_ray(2, 0),
        "/api/cluster_status": {"data": {"clusterStatus": {"autoscalerReport": {"activeNodes": {f"node{NODE}": 2}}}}},
        "/api/jobs/": [],
    }

    def ask(path: str, document: object = None) -> Any:
        if path not in found or document is not None:
            raise UsageError(f"Ray says: not found: {path}")
        return found[path]

    monkeypatch.setattr(ray, "_ask", ask)
    return found


def nodes_of_ray(*gpus: int, **more: str) -> Any:
    raylets = [{"state": "ALIVE", "resourcesTotal": {"CPU": 4.0} | ({"GPU": float(n)} if n else {})} for n in gpus]
    dead = {"state": "DEAD", "resourcesTotal": {"GPU": 8.0}}
    return {"data": {"summary": [{"raylet": raylet | more} for raylet in (*raylets, dead)]}}


@pytest.mark.usefixtures("ray_says")
def test_ray_refuses_gpus_that_no_node_has_and_names_what_they_have(tmp_path: Path) -> None:
    require(Ray(), 2, tmp_path)
    with pytest.raises(UsageError, match=r"no node of the cluster has 3 GPUs \(1 node has 2, 1 node has none\): ask"):
        require(Ray(), 3, tmp_path)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/nodes?view=summary", nodes_of_ray(1, nodeTypeName="workers")),
        ("/api/cluster_status", {"data": {"clusterStatus": {"autoscalerReport": {"activeNodes": {"ray.worker": 1}}}}}),
        ("/api/cluster_status", {"data": {"clusterStatus": {"autoscalerReport": {"pendingNodes": [["", "gpu", ""]]}}}}),
    ],
)
def test_a_ray_that_may_add_nodes_is_waited_for(
    path: str, answer: Any, ray_says: RayAnswers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ray_says[path] = answer
    require(Ray(), 3, tmp_path)
    assert "no node of the cluster has 3 GPUs" in caplog.text
    assert "as it may have an autoscaler" in caplog.text


@pytest.mark.parametrize(
    ("nodes", "said"),
    [(None, "Ray says: not found"), ({"data": {"summary": [{}]}}, "Ray doesn't say yet what its nodes have")],
)
def test_a_ray_that_does_not_say_it_is_not_checked(
    nodes: Any, said: str, ray_says: RayAnswers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ray_says.pop("/nodes?view=summary")
    if nodes is not None:
        ray_says["/nodes?view=summary"] = nodes
    require(Ray(), 3, tmp_path)
    assert f"whether a node has the GPUs isn't checked: {said}" in caplog.text


def test_without_gpus_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:1")
    require(Ray(), 0, tmp_path)
    with pytest.raises(InfrastructureError, match="doesn't answer"):
        require(Ray(), 1, tmp_path)


@pytest.mark.usefixtures("ray_says")
@pytest.mark.parametrize("action", ["up", "scale", "autoscale"])
def test_the_commands_refuse_them_and_write_nothing(
    action: str, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", postgres_url)
    monkeypatch.chdir(tmp_path)
    with create_study(postgres_url, "S", example_manifest()) as shared:
        shared.ledger.order_up_to(4, lambda number: SlotOrder(seed=number))
    what = ("--once", "--max-jobs", "2") if action == "autoscale" else ("--workers", "2", "--study-name", "S")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main([action, "--on", "ray", "--gpus", "3", "--shared-artifacts", "--artifacts", str(tmp_path / "a"), *what])
    assert ended.value.code == 2
    assert "no node of the cluster has 3 GPUs (1 node has 2, 1 node has none)" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
