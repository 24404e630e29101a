"""A real `search.compare` whose workers have a stub in the place of Keras; the tests kill it.

python stub_compare.py URL FOLDER ACTS

The acts, as JSON, say what the stub does with which slot.
"""

import sys
from functools import partial
from pathlib import Path

from search.commands.worker_flags import WorkerFlags
from search.design.comparing import run_comparison
from search.design.confusion import evaluator
from search.design.options import CompareOptions
from search.design.running import Dependencies
from search.workers.places import Place
from search.workers.running import WorkerOptions, run_worker
from storage import SharedStudy

STUB = Path(__file__).parents[2] / "benchmarks" / "stub_trainer.py"


def main(url: str, folder: Path, acts: str) -> int:
    script = folder / "script.json"
    script.write_text(acts)
    command = (sys.executable, str(STUB), str(script))

    def run(shared: SharedStudy, url: str, workers: WorkerFlags, *, quiet: bool) -> int:
        return run_worker(WorkerOptions(url, shared.name, 0.0, workers), Place("cpu"), command)

    flags = WorkerFlags(artifacts=folder / "artifacts")
    options = CompareOptions(
        space="bn_dropout", axis="batch_norm", seeds=2, epochs=2, storage=url, format_="json", quiet=True, workers=flags
    )
    return run_comparison(options, Dependencies(run, partial(evaluator, command=command)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
