"""Joining a study as a worker: only a machine whose results are comparable may."""

from typing import Any

import msgspec
import pytest

from search.errors import UsageError
from search.host.machine import threads_each
from search.workers.join import data_source, installed_versions, join_study, require_same, require_same_code
from search.workers.placement import WorkerPlacement
from search.workers.settings import WorkerSettings
from spaces import SpaceSource, resolve
from storage import Manifest
from tests.helpers.launches import Prepared, PrepareStudy


@pytest.fixture
def study(prepared: PrepareStudy) -> Prepared:
    return prepared(n_trials=2, epochs=1)


@pytest.fixture
def manifest(study: Prepared) -> Manifest:
    with study.open() as shared:
        return shared.manifest


def source() -> SpaceSource:
    return resolve("bn_dropout")


def test_a_worker_that_joins_is_in_the_register(study: Prepared) -> None:
    context = join_study(study.url, study.name, WorkerSettings(wait=0.0), WorkerPlacement("cpu"))
    with context.shared as shared:
        (worker,) = shared.workers.all()
    assert (worker.info.worker_id, worker.info.device, worker.left) == (context.worker_id, "cpu", None)
    assert worker.info.versions["optuna"]


def test_the_same_code_and_images_may_join(manifest: Manifest) -> None:
    require_same(manifest, source(), data_source(manifest, None))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space_version": 7}, "space version is 1 here and 7 in the study"),
        ({"space_fingerprint": "f" * 64}, "space source is .* here and ffffffffffff in the study"),
        ({"dataset_fingerprint": "e" * 64}, "images is .* here and eeeeeeeeeeee in the study. Give the path of the"),
        (
            {"versions": {"keras": "2.0", "python": "2.7"}},
            "keras is 3.* here and 2.0 in the study. Install the study's versions, or",
        ),
    ],
    ids=["space version", "space source", "images", "package"],
)
def test_what_differs_is_named(changes: dict[str, Any], words: str, manifest: Manifest) -> None:
    other = msgspec.structs.replace(manifest, **changes)
    with pytest.raises(UsageError, match=words):
        require_same(other, source(), data_source(other, None))


@pytest.mark.parametrize("threads", ["many", "0", "-1", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCH_THREADS", threads)
    with pytest.raises(UsageError, match="SEARCH_THREADS"):
        threads_each()


@pytest.mark.parametrize(
    ("given", "batch_pixels", "threads"), [(None, 64 * 8 * 8, "1"), (None, 64 * 28 * 28, "4"), ("2", 64 * 8 * 8, "2")]
)
def test_small_batches_are_trained_by_one_thread_unless_threads_are_asked_for(
    given: str | None, batch_pixels: int, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEARCH_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("SEARCH_THREADS", given)
    assert WorkerPlacement("cpu", threads=4).for_trainer(batch_pixels)["SEARCH_THREADS"] == threads


def test_a_worker_finds_the_share_that_was_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEARCH_THREADS", raising=False)
    monkeypatch.setattr("search.host.machine.usable_processors", lambda: 8)
    for name, value in WorkerPlacement("cpu", threads=threads_each(2)).for_worker().items():
        monkeypatch.setenv(name, value)
    assert threads_each() == 4


def test_the_processors_are_shared_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEARCH_THREADS", raising=False)
    monkeypatch.setattr("search.host.machine.usable_processors", lambda: 8)
    assert [threads_each(workers) for workers in (1, 3, 8, 20)] == [8, 2, 1, 1]


def test_a_worker_with_another_backend_of_keras_may_not_join(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "jax" not in manifest.versions
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert "tensorflow" not in installed_versions()
    with pytest.raises(UsageError, match="tensorflow is missing here"):
        require_same_code(manifest, source())
