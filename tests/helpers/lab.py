"""A small study, and workers on it in the tests' own process, whose trainers are stubs."""

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from search.host.shutdown import Shutdown
from search.launching.orders import make_orders
from search.sampling.pruners import make_pruner
from search.study.folders import StudyFolder
from search.study.space import study_space
from search.trainers.protocol import DataSource
from search.workers.context import Limits, WorkerContext
from search.workers.loop import work
from search.workers.trainer_client import TrainerClient
from spaces import Space, resolve
from storage import Manifest, SharedStudy, create_study, open_study
from tests.helpers.paths import ROOT, STUB_TRAINER
from tests.helpers.waiting import PATIENCE_S

NAME = "study"

MANIFEST = Manifest(
    space="bn_dropout",
    space_version=1,
    space_fingerprint="",
    dataset="digits",
    dataset_fingerprint="",
    image_shape=(8, 8, 1),
    classes=tuple("0123456789"),
    n_train=1151,
    n_validation=287,
    n_test=359,
    epochs=3,
    batch_size=64,
    objective="val_accuracy",
    direction="maximize",
    sampler="random",
    pruner="none",
    seed=0,
    artifacts="artifacts",
    created_at="2026-01-01T00:00:00+00:00",
)


@dataclass
class Lab:
    """A study in a SQLite file, and workers on it in this process, with stub trainers that do as `acts` say."""

    url: str
    folder: Path
    acts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    _opened: list[SharedStudy] = field(default_factory=list)
    _contexts: list[WorkerContext] = field(default_factory=list)

    def study(
        self, n_trials: int, *, space: str = "bn_dropout", own: Space | None = None, **changes: Any
    ) -> SharedStudy:
        """Makes the study, with this many slots."""
        artifacts = str(self.folder / "artifacts")
        manifest = msgspec.structs.replace(MANIFEST, space=space, artifacts=artifacts, **changes)
        shared = create_study(self.url, NAME, manifest)
        self._opened.append(shared)
        orders = make_orders(own or study_space(manifest, resolve(space).space), manifest, n_trials)
        shared.ledger.order_up_to(n_trials, orders.__getitem__)
        return shared

    def context(self, limits: Limits | None = None, space: Space | None = None) -> WorkerContext:
        """What a worker works with, on connections of its own."""
        shared = open_study(self.url, NAME)
        self._opened.append(shared)
        script = self.folder / "script.json"
        script.write_text(json.dumps(self.acts))
        source = resolve(shared.manifest.space)
        files = self.files(shared)
        environment = {"PYTHONPATH": str(ROOT)}
        context = WorkerContext(
            worker_id=f"worker-{len(self._contexts)}",
            shared=shared,
            space=space or study_space(shared.manifest, source.space),
            space_ref=source.ref,
            pruner=make_pruner(shared.manifest.pruner, shared.manifest.epochs),
            data=DataSource("digits"),
            folder=files,
            trainer=TrainerClient(files, environment, 4000.0, (sys.executable, str(STUB_TRAINER), str(script))),
            limits=limits or Limits(outage_s=1.0),
        )
        self._contexts.append(context)
        return context

    def files(self, shared: SharedStudy) -> StudyFolder:
        """The study's files."""
        return StudyFolder(self.folder / "artifacts", NAME, shared.key.stamp)

    def work(self, context: WorkerContext | None = None, shutdown: Shutdown | None = None) -> None:
        """Works, as a worker does, until nothing is left to do."""
        work(context or self.context(), shutdown or Shutdown(), deadline=time.monotonic() + PATIENCE_S)

    def close(self) -> None:
        for context in self._contexts:
            context.trainer.discard()
        for shared in self._opened:
            shared.close()
