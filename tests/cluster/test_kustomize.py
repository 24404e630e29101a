"""The kustomize base of deploy/: complete, valid for Kubernetes, and without a password of its own."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.cluster import Kube
from tests.helpers.paths import ROOT

BASE = ROOT / "deploy" / "kubernetes"
PASSWORD = "p@ss:w/r$d#1"  # noqa: S105 - of nothing
OURS = ("dashboard", "fleet")


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy with passwords."""
    shutil.copytree(BASE, tmp_path / "kubernetes", ignore=shutil.ignore_patterns("secret.env"))
    (tmp_path / "kubernetes" / "secret.env").write_text(
        f"POSTGRES_PASSWORD={PASSWORD}\nSEARCH_DASHBOARD_LOGIN=a-long-token\n"
    )
    return tmp_path


@pytest.fixture
def rendered(kube_tool: Kube, deploy: Path) -> list[dict[str, Any]]:
    return kustomized(kube_tool, deploy / "kubernetes")


def kubectl(kube_tool: Kube, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(kube_tool.python).parent}:{os.environ['PATH']}"}
    words = ["kubectl", "kustomize", str(folder)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def kustomized(kube_tool: Kube, folder: Path) -> list[dict[str, Any]]:
    done = kubectl(kube_tool, folder)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def pod_spec(manifests: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The pods of a Deployment or a StatefulSet."""
    kinds = ("Deployment", "StatefulSet")
    [found] = [one for one in manifests if one["kind"] in kinds and one["metadata"]["name"] == name]
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


def test_all_of_it_is_valid_against_the_schemas_of_kubernetes(
    rendered: list[dict[str, Any]], kube_tool: Kube, tmp_path: Path
) -> None:
    assert sorted(one["kind"] for one in rendered) == [
        "Deployment",
        "Deployment",
        "PersistentVolumeClaim",
        "Secret",
        "Service",
        "Service",
        "StatefulSet",
    ]
    path = tmp_path / "all.json"
    path.write_text(json.dumps(rendered))
    kube_tool.validate(path)


def test_without_passwords_nothing_is_rendered(kube_tool: Kube, deploy: Path) -> None:
    (deploy / "kubernetes" / "secret.env").unlink()
    done = kubectl(kube_tool, deploy / "kubernetes")
    assert done.returncode != 0
    assert "secret.env" in done.stderr
    example = (BASE / "secret.env.example").read_text()
    assert re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE) == [
        ("POSTGRES_PASSWORD", ""),
        ("SEARCH_DASHBOARD_LOGIN", ""),
    ]
    assert "/deploy/kubernetes/secret.env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", ["postgres", *OURS])
def test_passwords_come_from_the_one_secret(name: str, rendered: list[dict[str, Any]]) -> None:
    [secret] = [one for one in rendered if one["kind"] == "Secret"]
    [container] = pod_spec(rendered, name)["containers"]
    asked = [entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "PASSWORD" in entry["name"]]
    assert asked == [{"name": secret["metadata"]["name"], "key": "POSTGRES_PASSWORD"}]
    assert PASSWORD not in str([one for one in rendered if one["kind"] != "Secret"])


@pytest.mark.parametrize("name", OURS)
def test_what_we_run_has_no_rights_that_it_does_not_need(name: str, rendered: list[dict[str, Any]]) -> None:
    spec = pod_spec(rendered, name)
    [container] = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_worker_has_time_to_release_its_trial(rendered: list[dict[str, Any]]) -> None:
    spec = pod_spec(rendered, "fleet")
    assert spec["terminationGracePeriodSeconds"] == 60
    assert spec["containers"][0]["command"][:3] == ["python", "-m", "search.worker"]


def test_the_overlay_of_the_page_sets_image_number_and_namespace(kube_tool: Kube, deploy: Path) -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    [overlay] = re.findall(r"^```yaml\n# deploy/mine/kustomization.yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (deploy / "mine").mkdir()
    (deploy / "mine" / "kustomization.yaml").write_text(overlay)
    found = kustomized(kube_tool, deploy / "mine")
    assert {one["metadata"]["namespace"] for one in found} == {"search"}
    [fleet] = [one for one in found if one["metadata"]["name"] == "fleet"]
    assert fleet["spec"]["replicas"] == 16
    images = {pod_spec(found, name)["containers"][0]["image"] for name in OURS}
    assert images == {"registry.example/search:1"}
