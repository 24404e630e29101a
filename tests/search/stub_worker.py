"""A real worker process, whose trainer is the stub: `python stub_worker.py URL FOLDER` works on the study "study"."""

import logging
import math
import os
import sys
from pathlib import Path

from search.host.shutdown import Shutdown
from search.sampling.pruners import make_pruner
from search.study.folders import StudyFolder
from search.trainers.protocol import DataSource
from search.workers.context import WorkerContext
from search.workers.loop import Heartbeat, work
from search.workers.trainer_client import TrainerClient
from spaces import resolve
from storage import open_study
from storage.records import WorkerInfo


def main(url: str, folder: Path) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    script = folder / "script.json"
    if not script.exists():
        script.write_text("{}")
    with open_study(url, "study") as shared:
        manifest = shared.manifest
        pruner = make_pruner(manifest.pruner, manifest.epochs)
        source, files = resolve(manifest.space), StudyFolder(folder / "artifacts", "study", shared.key.stamp)
        command = (sys.executable, str(Path(__file__).parents[2] / "benchmarks" / "stub_trainer.py"), str(script))
        trainer = TrainerClient(files, {}, 4000.0, command)
        worker_id = f"worker-{os.getpid()}"
        context = WorkerContext(
            worker_id, shared, source.space, source.ref, pruner, DataSource("digits"), files, trainer
        )
        shared.workers.register(WorkerInfo(worker_id, "here", os.getpid()))
        with Shutdown() as shutdown, Heartbeat(context):
            work(context, shutdown, math.inf)
        trainer.discard()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
