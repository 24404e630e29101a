"""A real bash completes the program's commands, flags and names."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

NAME = "keras-image-search"
PRINT = """
eval "$(_KERAS_IMAGE_SEARCH_COMPLETE=bash_source keras-image-search)"
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_keras_image_search_completion keras-image-search
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program as an installation makes it, in a folder of its own."""
    module, _, function = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"][NAME].partition(
        ":"
    )
    path = tmp_path / "bin" / NAME
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
    path.chmod(0o755)
    return path


def complete(program: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash isn't installed")
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [bash, "-c", PRINT, "bash", NAME, *words], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["lau"], ["launch"]),
        (["launch", "--n-t"], ["--n-trials"]),
        (["launch", "--space", "bn_d"], ["bn_dropout"]),
        (["launch", "--dataset", "cifar10"], ["cifar10", "cifar100"]),
        (["launch", "--sampler", "tp"], ["tpe"]),
        (["launch", "--format", "j"], ["json"]),
    ],
)
def test_bash_offers_what_there_is(program: Path, words: list[str], offered: list[str]) -> None:
    assert complete(program, *words) == offered
