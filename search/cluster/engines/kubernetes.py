"""Kubernetes: one Indexed Job, an index for each place, through kubectl.

A pod ends with its worker's exit code, and `podFailurePolicy` says what that means: 2 is a mistake that every pod would
make, and fails the Job; 75 says that the worker was told to leave before the work was done, and a disruption (eviction,
preemption, a drained or lost node) is the cluster's doing: neither counts, and the index gets another pod. Whatever
else ends a pod counts against its index alone. SIGTERM comes a minute before the end: the worker gives its trial back
with its checkpoint.

Scaling changes completions and parallelism together, which Kubernetes allows for Indexed Jobs; the pods with the
highest indexes go. Everything that is known of a fleet is in the cluster.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

import msgspec

from search.cluster.calls import call
from search.cluster.fleet import EngineName, Fleet, Job, JobState
from search.cluster.kubernetes_gpus import GPU, require_node_gpus
from search.cluster.last_words import LastWords, last_of
from search.errors import UsageError
from search.host.exit_codes import EXIT_UNFINISHED, EXIT_USAGE

Json: TypeAlias = dict[str, Any]

GRACE_S = 60
FAILURES_PER_INDEX = 5
SECRET_KEY = "storage-url"  # noqa: S105 - the name of an entry
HINT = "install kubectl, and log in to the cluster (kubectl get pods shows whether it works)"
AWAY = ("did you specify the right host or port", "Unable to connect to the server", "i/o timeout", "TLS handshake")
VOLUME = re.compile(r"([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?):(/.*)")
SELECTOR = re.compile(r"([A-Za-z0-9][\w./-]*)=([\w.-]*)")
INDEX = "batch.kubernetes.io/job-completion-index"
DISRUPTED = "DisruptionTarget"

_kubectl = partial(call, hint=HINT, away=AWAY)


class Kubernetes:
    """The engine for Kubernetes; see the module."""

    name: EngineName = "kubernetes"
    writes_files = False

    def render(self, fleet: Fleet, count: int) -> str:
        """The manifest of the Job, as JSON. The Secret isn't in it."""
        return msgspec.json.format(msgspec.json.encode(job_manifest(fleet, count)), indent=2).decode() + "\n"

    def require_accepted(self, fleet: Fleet, count: int) -> None:
        """Checks what can be said without submitting anything, and that a node has the GPUs."""
        self.render(fleet, count)
        if gpus := fleet.resources.gpus:
            labels = dict(map(selector_of, fleet.resources.options))
            require_node_gpus(partial(_run, fleet), gpus, labels, fleet.resources.queue)

    def shares_files(self, fleet: Fleet, /) -> bool:
        """Whether the folder is on a volume that all pods mount."""
        return any(fleet.folder.is_relative_to(path) for _, path in map(volume_of, fleet.pods.volumes))

    def submit(self, fleet: Fleet, count: int) -> None:
        """Adds indexes to the Job; without one, or in the place of one that is over, applies the Secret and a Job."""
        job = job_manifest(fleet, count)
        there = _job(fleet)
        if there is not None and not is_over(there):
            done = int(there.get("status", {}).get("succeeded", 0))
            _resize(fleet, there, int(there["spec"]["completions"]) - done + count)
            return
        try:
            _apply(fleet, secret_manifest(fleet))
            if there is not None:
                _run(fleet, "delete", "job", fleet.name, "--ignore-not-found", "--cascade=foreground")
            _apply(fleet, job)
        except UsageError:
            _remove_secret(fleet, strict=False)
            raise

    def list(self, fleet: Fleet) -> tuple[Job, ...]:
        """The newest pod of each index, and the indexes that have none yet; the Job itself, if it has failed and none
        of its pods says so.
        """
        selector = f"--selector=app.kubernetes.io/instance={fleet.name}"
        items: list[Json] = msgspec.json.decode(_run(fleet, "get", "jobs,pods", selector, "--output=json"))["items"]
        pods = sorted((item for item in items if item["kind"] == "Pod"), key=order_of)
        newest = {index_of(pod): pod for pod in pods}
        found = [job_of(pod) for _, pod in sorted(newest.items())]
        for job in (item for item in items if item["kind"] == "Job"):
            found += without_pods(job, newest)
        if not any(job.state == "failed" for job in found):
            found += [Job(fleet.name, "failed", reason=why) for item in items if (why := why_job_failed(item))]
        return tuple(found)

    def last_words(self, fleet: Fleet, job: Job) -> LastWords:
        """The end of the pod's log."""
        try:
            return LastWords(last_of(_run(fleet, "logs", job.job_id, "--tail=5").split("\n")))
        except UsageError:
            return LastWords()

    def scale(self, fleet: Fleet, count: int) -> None:
        """Changes the number of indexes; those that are done stay done."""
        job = _job(fleet)
        if job is None or is_over(job):
            if count:
                self.require_accepted(fleet, count)
                self.submit(fleet, count)
            return
        _resize(fleet, job, count)

    def cancel(self, fleet: Fleet) -> None:
        """Deletes the Job, whose pods then have their time to leave, and the Secret."""
        if _job(fleet) is not None:
            _run(fleet, "delete", "job", fleet.name, "--ignore-not-found", "--wait=false")
        _remove_secret(fleet, strict=True)


def _run(fleet: Fleet, *words: str, stdin: str | None = None) -> str:
    """Runs kubectl in the fleet's namespace."""
    namespace = [] if fleet.pods.namespace is None else [f"--namespace={fleet.pods.namespace}"]
    return _kubectl(["kubectl", *namespace, *words], stdin=stdin)


def _resize(fleet: Fleet, job: Json, count: int) -> None:
    """Brings a Job to that many indexes besides those that are done."""
    spec = {"parallelism": count, "completions": count + int(job.get("status", {}).get("succeeded", 0))}
    _run(fleet, "patch", "job", fleet.name, "--type=merge", f"--patch={msgspec.json.encode({'spec': spec}).decode()}")


def _apply(fleet: Fleet, manifest: Json) -> None:
    # The manifests are tested against the schemas; not every server offers its own for download.
    _run(fleet, "apply", "--validate=false", "--filename=-", stdin=msgspec.json.encode(manifest).decode())


def _remove_secret(fleet: Fleet, *, strict: bool) -> None:
    try:
        if _run(fleet, "get", "secret", fleet.name, "--ignore-not-found", "--output=name").strip():
            _run(fleet, "delete", "secret", fleet.name, "--ignore-not-found")
    except UsageError:
        if strict:
            raise


def _job(fleet: Fleet) -> Json | None:
    found = _run(fleet, "get", "job", fleet.name, "--ignore-not-found", "--output=json")
    job: Json | None = msgspec.json.decode(found) if found.strip() else None
    return job


def is_over(job: Json) -> bool:
    """Whether a Job is complete or has failed."""
    conditions = job.get("status", {}).get("conditions", [])
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def secret_manifest(fleet: Fleet) -> Json:
    """The Secret with the storage's URL."""
    metadata = {"name": fleet.name, "labels": labels_of(fleet)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {SECRET_KEY: fleet.storage}}


def job_manifest(fleet: Fleet, count: int) -> Json:
    """The Job.

    Raises:
        UsageError: no image is named, or a flag has no meaning for pods.
    """
    require_meaning(fleet)
    labels = labels_of(fleet)
    queue = {} if fleet.resources.queue is None else {"kueue.x-k8s.io/queue-name": fleet.resources.queue}
    rules = [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [EXIT_USAGE]}},
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [EXIT_UNFINISHED]}},
        {"action": "Ignore", "onPodConditions": [{"type": DISRUPTED, "status": "True"}]},
    ]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": fleet.name, "labels": labels | queue},
        "spec": {
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": count,
            "backoffLimitPerIndex": FAILURES_PER_INDEX,
            "podFailurePolicy": {"rules": rules},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(fleet)},
        },
    }


def labels_of(fleet: Fleet) -> dict[str, str]:
    """The labels of all that a fleet has in the cluster."""
    return {"app.kubernetes.io/name": "keras-image-search", "app.kubernetes.io/instance": fleet.name}


def require_meaning(fleet: Fleet) -> None:
    """Raises UsageError if the image is missing, or something was asked for that Kubernetes doesn't have."""
    if not fleet.pods.image:
        raise UsageError(
            "pods need an image with this project: build one from the Dockerfile, and name it with --image"
        )
    for flag, value in (("--time", fleet.resources.time_s), ("--account", fleet.resources.account)):
        if value is not None:
            raise UsageError(f"{flag} means nothing to Kubernetes: leave it out")


def pod_spec(fleet: Fleet) -> Json:
    """What a pod of the Job is."""
    mounts = [(f"volume-{number}", *volume_of(volume)) for number, volume in enumerate(fleet.pods.volumes)]
    container = {
        "name": "worker",
        "image": fleet.pods.image,
        "command": command_of(fleet),
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "SEARCH_JOB", "value": "kubernetes:$(POD_NAME)"},
            {"name": "OPTUNA_STORAGE", "valueFrom": {"secretKeyRef": {"name": fleet.name, "key": SECRET_KEY}}},
        ],
        "resources": resources_of(fleet),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": name, "mountPath": path} for name, _, path in mounts],
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_S,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": dict(map(selector_of, fleet.resources.options)),
        "containers": [container],
        "volumes": [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim, _ in mounts],
    }


def command_of(fleet: Fleet) -> list[str]:
    """The command of the container, in which Kubernetes would replace $(NAME)."""
    worker = [fleet.python, "-P", "-m", "search.worker", "-v", *fleet.worker]
    words = ["bash", "-c", f'{fleet.setup}\nexec "$@"', "bash", *worker] if fleet.setup else worker
    return [word.replace("$", "$$") for word in words]


def resources_of(fleet: Fleet) -> Json:
    """Requests of processors and memory; memory and GPUs are also limits, as exceeding them ends a pod anyway."""
    resources = fleet.resources
    memory = {} if resources.memory is None else {"memory": f"{resources.memory // 2**20}Mi"}
    gpus = {GPU: str(resources.gpus)} if resources.gpus else {}
    return {"requests": {"cpu": str(resources.cpus), **memory, **gpus}, "limits": memory | gpus}


def volume_of(volume: str) -> tuple[str, str]:
    """The claim and the path of CLAIM:/PATH; raises UsageError if it isn't of that form."""
    found = VOLUME.fullmatch(volume)
    if found is None:
        raise UsageError(f"--volume {volume!r} isn't CLAIM:/PATH, a PersistentVolumeClaim and where pods mount it")
    return found[1], found[2]


def selector_of(option: str) -> tuple[str, str]:
    """The label and the value of a node that pods want; raises UsageError if it isn't LABEL=VALUE."""
    found = SELECTOR.fullmatch(option)
    if found is None:
        raise UsageError(f"--option {option!r} isn't LABEL=VALUE, a label of the nodes that pods may run on")
    return found[1], found[2]


def index_of(pod: Json) -> int:
    """The index of a pod in its Job."""
    return int(pod["metadata"].get("annotations", {}).get(INDEX, 0))


def order_of(pod: Json) -> tuple[str, bool]:
    """A key that puts an index's latest pod last; times are whole seconds."""
    return pod["metadata"]["creationTimestamp"], pod["status"].get("phase") in ("Pending", "Running")


def job_of(pod: Json) -> Job:
    """A pod as a job. One whose index gets another one waits for it."""
    name, status = pod["metadata"]["name"], pod["status"]
    host = pod["spec"].get("nodeName", "")
    leaving = "deletionTimestamp" in pod["metadata"]
    state: JobState
    match status.get("phase"):
        case "Running":
            return Job(name, "leaving" if leaving else "running", host)
        case "Succeeded":
            return Job(name, "done", host)
        case "Failed":
            code, disrupted = ended_with(status), is_disrupted(status)
            state = "queued" if disrupted or code == EXIT_UNFINISHED else "failed"
            return Job(name, state, host, reason="" if state == "queued" else f"exit code {code}")
        case _:
            return Job(name, "queued", host, reason=why_pending(status))


def without_pods(job: Json, pods: Mapping[int, Json]) -> list[Job]:
    """The indexes of a Job that wait for a pod; `pods` are those of the others. None gets one while the Job is
    suspended, as Kueue does until there is room for it.
    """
    if is_over(job) or "deletionTimestamp" in job["metadata"]:
        return []
    name, completions = job["metadata"]["name"], int(job["spec"]["completions"])
    missing = [index for index in range(completions) if index not in pods]
    gone = sum(pod["status"].get("phase") == "Succeeded" for pod in pods.values())
    forgotten = int(job.get("status", {}).get("succeeded", 0)) - gone  # done, and their pods were removed
    reason = "the Job is suspended" if job["spec"].get("suspend") else "it has no pod yet"
    return [Job(f"{name}-{index}", "queued", reason=reason) for index in missing[max(0, forgotten) :]]


def why_job_failed(item: Json) -> str | None:
    """What Kubernetes says of a Job that has failed, None of any other, and of pods."""
    if item["kind"] != "Job":
        return None
    failed = [one for one in item.get("status", {}).get("conditions", []) if one["type"] == "Failed"]
    return next(
        (one.get("message") or one.get("reason") or "failed" for one in failed if one["status"] == "True"), None
    )


def ended_with(status: Json) -> int | None:
    """The exit code of a pod's container, None if it isn't known."""
    for container in status.get("containerStatuses", []):
        code = container.get("state", {}).get("terminated", {}).get("exitCode")
        if code is not None:
            return int(code)
    return None


def is_disrupted(status: Json) -> bool:
    """Whether the cluster ended the pod."""
    return any(one["type"] == DISRUPTED and one["status"] == "True" for one in status.get("conditions", []))


def why_pending(status: Json) -> str:
    """Why a pod doesn't run yet, in Kubernetes' words."""
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return " ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    return next((one.get("message", "") for one in status.get("conditions", []) if one["status"] == "False"), "")
