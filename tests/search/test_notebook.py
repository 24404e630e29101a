"""The notebook of the docs runs in a real Jupyter kernel, and what it shows was made by running it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.helpers.carried_out import without_settings
from tests.helpers.paths import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = msgspec.json.decode(path.read_bytes())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.long
def test_the_notebook_runs(tmp_path: Path) -> None:
    inherited = without_settings()
    run = [sys.executable, str(ROOT / "docs" / "run_notebook.py"), str(tmp_path / "run.ipynb")]
    done = subprocess.run(run, env={**inherited, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = "".join(code_cells(tmp_path / "run.ipynb")[-1]["outputs"][0]["text"])
    assert "All 4 trials of bn_dropout-digits are finished: " in printed  # how many are pruned depends on the processor


def test_the_notebook_in_the_docs_shows_its_outputs_and_no_error() -> None:
    for cell in code_cells(NOTEBOOK):
        assert cell["outputs"], cell["source"]
        assert [output for output in cell["outputs"] if output["output_type"] == "error"] == []
