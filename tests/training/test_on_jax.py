"""Training on JAX: other tests, in a process of their own, as a process has one backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

HERE = Path(__file__).parent
TRAINER = (
    "test_a_killed_and_resumed_trial_equals_an_uninterrupted_one_to_the_last_bit",
    "test_it_trains_a_job_to_its_last_epoch_and_keeps_the_model",
    "test_early_stopping_ends_the_trial_as_complete_with_its_reason",
)
KERAS_OWN = "ignore:__array__ implementation:DeprecationWarning"  # a variable of JAX as an array of NumPy
NO_TENSORFLOW = 'raise ImportError("as if TensorFlow weren\'t installed")\n'

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX: make setup installs it")


@pytest.mark.long
def test_programs_train_and_resume_on_jax_where_tensorflow_is_not(tmp_path: Path) -> None:
    hidden = tmp_path / "tensorflow"
    hidden.mkdir()
    (hidden / "__init__.py").write_text(NO_TENSORFLOW)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(tmp_path)}
    files = [HERE / name for name in ("checks_on_jax.py", "test_trainer.py", "test_options.py")]
    chosen = " or ".join(("checks_on_jax", *TRAINER))
    options = ("-q", "-x", "-p", "no:cacheprovider", "-W", KERAS_OWN, "-k", chosen)
    command = [sys.executable, "-m", "pytest", *options, *map(str, files)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
