"""A real `search.compare` whose workers have a stub in the place of Keras; the tests kill it.

python stub_compare.py URL FOLDER ACTS

The acts, as JSON, say what the stub does with which slot.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from search.design.comparing import run_comparison
from search.design.confusion import evaluator
from search.design.options import CompareOptions
from search.design.running import Dependencies
from search.host.ends import End
from search.host.exit_codes import CODES
from search.workers.placement import WorkerPlacement
from search.workers.running import run_worker
from search.workers.settings import WorkerSettings
from storage import SharedStudy

STUB = Path(__file__).parents[2] / "benchmarks" / "stub_trainer.py"


def main(url: str, folder: Path, acts: str) -> int:
    script = folder / "script.json"
    script.write_text(acts)
    command = (sys.executable, str(STUB), str(script))

    def run(shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:
        return run_worker(url, shared.name, replace(workers, wait=0.0), WorkerPlacement("cpu"), command)

    flags = WorkerSettings(artifacts=folder / "artifacts")
    options = CompareOptions(
        space="bn_dropout", axis="batch_norm", seeds=2, epochs=2, storage=url, format_="json", quiet=True, workers=flags
    )
    return CODES[run_comparison(options, Dependencies(run, partial(evaluator, command=command)))]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
