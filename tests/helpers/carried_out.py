"""A search, comparison or confirmation that is carried out for real, by one worker of one thread."""

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.paths import ROOT


def carry_out(folder: Path, program: str, *arguments: str) -> None:
    """Runs `python -m search.PROGRAM` in the folder to its end."""
    done = subprocess.run(
        [sys.executable, "-m", f"search.{program}", *arguments, "--n-workers", "1", "-q"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SEARCH_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
