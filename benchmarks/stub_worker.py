"""A real worker whose trainer is stub_trainer.py: what else than training a worker does, it does as ever.

    python stub_worker.py URL STUDY FOLDER SHORTEST_S LONGEST_S

The folder gets the artifacts, and in `begun.jsonl` a line for each epoch that begins.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from search.host.exit_codes import CODES
from search.workers.placement import WorkerPlacement
from search.workers.running import run_worker
from search.workers.settings import WorkerSettings

STUB = Path(__file__).with_name("stub_trainer.py")
START_S = 60.0


def main(url: str, study_name: str, folder: Path, *epoch_s: str) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    script = folder / "script.json"  # no trial does anything but to train
    pace = ("--epoch-s", *epoch_s, "--begun", str(folder / "begun.jsonl"))
    command = (sys.executable, str(STUB), str(script), *pace)
    settings = WorkerSettings(n_workers=1, wait=START_S, artifacts=folder / "artifacts")
    return CODES[run_worker(url, study_name, settings, WorkerPlacement("cpu"), command)]


def work_quietly(log: Path, *arguments: Any) -> None:
    """Is the worker in a process that was forked for it; what it says goes to the log."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    raise SystemExit(main(*arguments))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:]))
