"""Kubernetes: what is rendered is a valid Job, and a search reaches its end whatever happens to its pods.

Without KUBECONFIG the pods run on a stand-in: the real kubectl talks to a server that has as much of the API, and of
the rules of Jobs, as this needs, and runs each pod as processes of this machine, without containers.
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from search.cluster.engine import Engine
from search.cluster.engines.kubernetes import Kubernetes, job_manifest, job_of, pod_spec, without_pods
from search.cluster.fleet import Fleet, Pods, Resources
from search.cluster.testing import STORAGE, EngineContract, example_fleet
from search.errors import UsageError
from tests.helpers.cluster import Cli, Kube, require_whole
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

TRIALS = 24
EPOCHS = 20  # so that the search isn't over before anything has happened to it
REFERENCE = re.compile(r"\$\$|\$\((\w+)\)")


def expanded(word: str, values: dict[str, str]) -> str:
    """The word as Kubernetes hands it to a container: $(NAME) is replaced, and $$ is a $."""
    return REFERENCE.sub(lambda found: "$" if found[0] == "$$" else values.get(found[1], found[0]), word)


class TestContract(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return Kubernetes()

    def require_valid(self, rendered: str) -> None:
        manifest = json.loads(rendered)
        assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "Job")
        assert len(manifest["metadata"]["name"]) <= 63 - len("-9999")

    def arguments_as_run(self, rendered: str, _fleet: Fleet, _folder: Path) -> list[str]:
        [container] = json.loads(rendered)["spec"]["template"]["spec"]["containers"]
        return [expanded(word, {"POD_NAME": "pod", "touch": "?"}) for word in container["command"]]


def rich_fleet(folder: Path) -> Fleet:
    """A fleet that uses everything."""
    resources = Resources(4, 1, 16 * 2**30, queue="team", options=("example.com/gpu=a100",))
    pods = Pods("science", "registry.example/search:1", ("shared:/shared", "data:/data"))
    return replace(example_fleet(folder), resources=resources, pods=pods, setup="ulimit -c 0")


def test_manifests_are_valid_against_the_schemas_of_kubernetes(tmp_path: Path, kube_tool: Kube) -> None:
    for number, fleet in enumerate((example_fleet(tmp_path), rich_fleet(tmp_path))):
        path = tmp_path / f"{number}.json"
        path.write_text(Kubernetes().render(fleet, 3))
        kube_tool.validate(path)


def test_a_pod_gets_what_was_asked_for(tmp_path: Path) -> None:
    spec = pod_spec(rich_fleet(tmp_path))
    [container] = spec["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "16384Mi", "nvidia.com/gpu": "1"},
        "limits": {"memory": "16384Mi", "nvidia.com/gpu": "1"},
    }
    assert spec["nodeSelector"] == {"example.com/gpu": "a100"}
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/shared", "/data"]
    assert container["command"][:2] == ["bash", "-c"]
    manifest = job_manifest(rich_fleet(tmp_path), 2)
    assert manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"


def test_pods_share_the_folder_of_a_volume_alone(tmp_path: Path) -> None:
    fleet = rich_fleet(Path("/shared/search/S/cluster"))
    assert Kubernetes().shares_files(fleet)
    assert not Kubernetes().shares_files(rich_fleet(tmp_path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pods": Pods()}, "pods need an image"),
        ({"resources": Resources(time_s=60.0)}, "--time means nothing to Kubernetes"),
        ({"resources": Resources(options=("--constraint=a100",))}, "isn't LABEL=VALUE"),
        ({"pods": Pods(image="i", volumes=("/data",))}, "isn't CLAIM:/PATH"),
    ],
)
def test_what_pods_cannot_have_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        Kubernetes().render(replace(example_fleet(tmp_path), **changes), 1)


def pod(phase: str, **status: Any) -> dict[str, Any]:
    metadata = {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "spec": {"nodeName": "k1"}, "status": {"phase": phase, **status}}


def ended(code: int) -> list[dict[str, Any]]:
    return [{"name": "worker", "state": {"terminated": {"exitCode": code}}}]


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (pod("Running"), "running", ""),
        (pod("Succeeded"), "done", ""),
        (pod("Failed", containerStatuses=ended(75)), "queued", ""),
        (pod("Failed", conditions=[{"type": "DisruptionTarget", "status": "True"}]), "queued", ""),
        (pod("Failed", containerStatuses=ended(2)), "failed", "exit code 2"),
        (
            pod("Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]),
            "queued",
            "0/3 nodes",
        ),
        (
            pod("Pending", containerStatuses=[{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]),
            "queued",
            "ImagePullBackOff",
        ),
    ],
)
def test_pods_are_read(found: dict[str, Any], state: str, reason: str) -> None:
    assert (job_of(found).state, job_of(found).reason) == (state, reason)


def job(completions: int, *, suspend: bool = False, succeeded: int = 0, over: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Complete", "status": "True"}] if over else []
    spec = {"completions": completions, "parallelism": completions, "suspend": suspend}
    return {"metadata": {"name": "j"}, "spec": spec, "status": {"succeeded": succeeded, "conditions": conditions}}


@pytest.mark.parametrize(
    ("found", "pods", "waiting", "reason"),
    [
        (job(2, suspend=True), {}, ["j-0", "j-1"], "the Job is suspended"),
        (job(3), {1: pod("Running")}, ["j-0", "j-2"], "it has no pod yet"),
        (job(3, succeeded=1), {0: pod("Succeeded"), 1: pod("Running"), 2: pod("Pending")}, [], ""),
        (job(3, succeeded=1), {1: pod("Running")}, ["j-2"], "it has no pod yet"),  # the pod of 0 was removed
        (job(1), {0: pod("Running"), 1: pod("Running")}, [], ""),  # 1 is leaving, as there are fewer indexes
        (job(2, succeeded=2, over=True), {}, [], ""),
    ],
)
def test_indexes_without_a_pod_are_queued(
    found: dict[str, Any], pods: dict[int, dict[str, Any]], waiting: list[str], reason: str
) -> None:
    """Kueue holds the pods of a Job back: autoscale, which didn't count them, asked for more at every look."""
    jobs = without_pods(found, pods)
    assert [one.job_id for one in jobs] == waiting
    assert {(one.state, one.reason) for one in jobs} <= {("queued", reason)}


@pytest.fixture(scope="module")
def kube(kube_tool: Kube) -> Iterator[Kube]:
    """The cluster of KUBECONFIG, else the stand-in with two nodes."""
    if os.environ.get("KUBECONFIG"):
        yield Kube(None, kube_tool.python, {})
        return
    folder = kube_tool.environment["KUBE_TESTBED"]
    path = f"{folder}/venv/bin:{os.environ['PATH']}"
    running = replace(kube_tool, environment={**kube_tool.environment, "KUBECONFIG": f"{folder}/config", "PATH": path})
    with FileLock(f"{folder}.lock"):
        running(str(kube_tool.tool), "stop")  # of a run that was killed
        running(str(kube_tool.tool), "start", "2")
        yield running
        running(str(kube_tool.tool), "stop")


@pytest.fixture
def cli(postgres_url: str, shared_folder: Path, kube: Kube, make_cli: Any, monkeypatch: pytest.MonkeyPatch) -> Cli:
    for name, value in kube.environment.items():
        monkeypatch.setenv(name, value)
    made: Cli = make_cli(postgres_url, shared_folder, kube.environment)
    return made


def flags(cli: Cli) -> tuple[str, ...]:
    """What pods need here: an image, and the Python of this machine on the stand-in."""
    image = os.environ.get("SEARCH_TEST_IMAGE", "keras-image-search")
    volume = os.environ.get("SEARCH_TEST_VOLUME", f"shared:{cli.folder}")
    return ("--image", image, "--volume", volume, "--python", os.environ.get("SEARCH_TEST_PYTHON", sys.executable))


@pytest.mark.long
def test_a_search_reaches_its_end_whatever_happens_to_its_pods(cli: Cli, kube: Kube) -> None:
    """Pods are evicted, deleted and lost with their node; the fleet grows and shrinks."""
    if kube.tool is None:
        pytest.skip("loses a node: not on a cluster of others")
    cli.order(TRIALS, "--epochs", str(EPOCHS), "--limit-train", "400")
    cli.cluster("up", "--workers", "3", *flags(cli), on="kubernetes")
    with cli.study() as study:
        hosts = wait_until(lambda: cli.at_work(3, on="kubernetes"), "three pods at work")
        epochs = study.ledger.epoch_count()
        wait_until(lambda: study.ledger.epoch_count() > epochs, "epochs")
        pods = [pod for names in hosts.values() for pod in names]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pods[0], "namespace": "default"},
        }
        request = cli.folder / "eviction.json"
        request.write_text(json.dumps(eviction))
        kube("kubectl", "create", f"--raw=/api/v1/namespaces/default/pods/{pods[0]}/eviction", f"--filename={request}")
        lost = next(host for host, names in hosts.items() if pods[0] not in names or len(names) > 1)
        kube(str(kube.tool), "lose", lost)
        cli.cluster("scale", "4", on="kubernetes")
        wait_until(
            lambda: cli.at_work(2, on="kubernetes") or study.ledger.counts().finished == TRIALS, "pods that go on"
        )
        kube(str(kube.tool), "mend", lost)
        cli.cluster("scale", "2", on="kubernetes")
        wait_until(lambda: study.ledger.counts().finished == TRIALS, "the last trial")
        require_whole(study, TRIALS, EPOCHS)
    cli.cluster("down", on="kubernetes")
    left = json.loads(kube("kubectl", "get", "jobs,pods,secrets", "--output=json"))["items"]
    assert left == []


def test_no_secret_is_in_a_job_or_a_pod(cli: Cli, kube: Kube) -> None:
    cli.order(2)
    cli = replace(cli, storage=cli.storage.replace("postgres:@", "postgres:s3cret@"))
    cli.cluster("up", "--workers", "1", *flags(cli), on="kubernetes")
    assert "s3cret" not in kube("kubectl", "get", "jobs,pods", "--output=json")
    cli.cluster("down", on="kubernetes")


def test_an_image_without_the_project_is_found_by_one_pod_and_nothing_is_left(cli: Cli, kube: Kube) -> None:
    cli.order(2)
    broken = ("--setup", "echo no module named search >&2; exit 2")
    done = cli.cluster("up", "--workers", "3", *flags(cli), *broken, on="kubernetes", code=3)
    assert "the first job ended before its worker joined the study" in done.stderr
    assert "exit code 2" in done.stderr or "exited with 2" in done.stderr  # the pod's words, or the Job's
    assert json.loads(kube("kubectl", "get", "jobs,pods,secrets", "--output=json"))["items"] == []


def test_a_cluster_that_is_away_is_no_mistake_of_the_person(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(Path(os.environ["KUBECONFIG"]).read_text().replace(":28443", ":1"))
    away = replace(cli, environment={**cli.environment, "KUBECONFIG": str(config)})
    away.order(1)
    assert "kubectl says: The connection to the server" in away.cluster("status", on="kubernetes", code=3).stderr


def test_a_namespace_without_rights_is_refused_in_the_words_of_the_cluster(cli: Cli, tmp_path: Path) -> None:
    """A kubectl that may look at pods, and nothing else."""
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(
        '#!/bin/bash\n[[ " $* " == *" get "* ]] && { echo \'{"items": []}\'; exit 0; }\n'
        "echo 'Error from server (Forbidden): secrets is forbidden: User \"me\" cannot create resource' >&2\nexit 1\n"
    )
    kubectl.chmod(0o755)
    path = f"{kubectl.parent}:{os.environ['PATH']}"
    refused = replace(cli, environment={**cli.environment, "PATH": path})
    refused.order(1)
    done = refused.cluster("up", "--workers", "1", *flags(cli), on="kubernetes", code=2)
    assert 'kubectl says: Error from server (Forbidden): secrets is forbidden: User "me"' in done.stderr
    assert STORAGE not in done.stderr


def test_the_commands_of_the_page_run(cli: Cli) -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    cli.order(2, name="bn_dropout-digits")
    commands = [line for line in page.splitlines() if line.startswith("python -m search.") and "kubernetes" in line]
    assert commands != []
    for command in commands:
        _, _, module, *arguments = shlex.split(command)
        assert '"kind": "Job"' in cli.run(module, *arguments).stdout
