"""Training on JAX, in a process of its own, as a process has one backend: a few of the tests, of which `make test-jax`
runs all.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from search.training.backends.process import BACKEND
from tests.helpers.paths import ROOT

CHOSEN = (
    "test_keras_computes_with_jax_on_this_processor",
    "test_trainings_after_one_another_and_continued_ones_are_equal_to_the_last_bit",
    "test_what_is_compiled_is_kept",
)

NO_TENSORFLOW = 'raise ImportError("as if TensorFlow weren\'t installed")\n'

pytestmark = [
    pytest.mark.backends("tensorflow", reason="on JAX these tests run anyway"),
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX: make setup installs it"),
]


def test_programs_train_on_jax_where_tensorflow_is_not(tmp_path: Path) -> None:
    hidden = tmp_path / "tensorflow"
    hidden.mkdir()
    (hidden / "__init__.py").write_text(NO_TENSORFLOW)
    tests = [f"{Path(__file__).with_name('test_jax.py')}::{name}" for name in CHOSEN]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command,
        env={**os.environ, BACKEND: "jax", "PYTHONPATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "3 passed" in done.stdout
