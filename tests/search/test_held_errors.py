"""What libraries say of missing graphics cards is held back until something fails; what we say isn't."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

BLOCK = """
import logging, os, sys
from search.errors import UsageError
from search.console.held_errors import errors_held_back
from search.console.logs import log_to_errors

log_to_errors(logging.WARNING)
with errors_held_back():
    os.write(2, b"no graphics \\x1b[31mcard\\n")
    sys.stderr.write("printed\\n")
    logging.warning("logged")
    {last}
os.write(2, b"afterwards\\n")
logging.warning("logged again")
"""

SPACE = """
import keras
from spaces import Configuration, Space

space = Space(name="mine", question="Which?", suggest=lambda trial: Configuration())
"""


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_a_block_that_succeeds_shows_what_we_say_alone() -> None:
    said = run("-c", BLOCK.format(last="pass")).stderr
    assert "graphics" not in said
    assert [line.split()[-1] for line in said.splitlines()] == ["printed", "logged", "afterwards", "again"]


def test_a_block_that_fails_shows_all_harmlessly() -> None:
    said = run("-c", BLOCK.format(last="raise RuntimeError('the device is gone')")).stderr
    assert "no graphics \\x1b[31mcard\nTraceback" in said
    assert "the device is gone" in said


def test_an_error_that_explains_itself_shows_nothing_else() -> None:
    said = run("-c", BLOCK.format(last="raise UsageError('no such trial')")).stderr
    assert "graphics" not in said
    assert "no such trial" in said


@pytest.mark.parametrize(
    "command",
    [["search.spaces", "mine.py:space"], ["search.launch", "--space", "mine.py:space", "--dry-run", "-q"]],
)
def test_a_space_that_imports_keras_is_looked_at_in_silence(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "mine.py").write_text(SPACE)
    done = run("-m", *command, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_download_says_only_what_concerns_it(tmp_path: Path) -> None:
    code = "from search.datasets import load_dataset; load_dataset('mnist')"
    environment = {"HOME": str(tmp_path), "KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run("-c", f"import os; os.environ.pop('SEARCH_DATA_DIR', None); os.environ.update({environment}); {code}")
    assert "couldn't be downloaded" in done.stderr
    assert "cuda" not in done.stderr.lower()
    assert "InitializeLog" not in done.stderr
