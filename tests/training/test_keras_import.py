"""A trainer is ready sooner without what Keras would import for others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from search.host.examination import settings_findings

SETTINGS = """
from search.training.backends.process import configure
configure(threads=1)
from keras import config
print(config.image_data_format(), config.floatx(), config.epsilon(), config.backend())
"""

LOOK = """
import gc, sys
from search.training.backends.process import configure
configure(threads=1)
print(sorted({"pandas", "sklearn"} & set(sys.modules)))
import keras, sklearn
print(keras.__name__, sklearn.__name__, gc.isenabled())
"""


def test_what_is_held_back_while_keras_is_imported_is_there_later() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[]", "keras sklearn True"]


def test_settings_of_keras_on_this_machine_change_nothing(tmp_path: Path) -> None:
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "jax"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    command = [sys.executable, "-c", SETTINGS]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**environment, "KERAS_HOME": str(tmp_path)}
    ).stdout
    assert said.splitlines()[-1] == "channels_last float32 1e-07 tensorflow"


def test_the_doctor_tells_of_settings_that_searches_do_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert list(settings_findings()) == []
    (tmp_path / "keras.json").write_text(json.dumps({"image_data_format": "channels_first", "floatx": "float32"}))
    (finding,) = settings_findings()
    assert finding.verdict == "note"
    assert finding.found == f"{tmp_path}/keras.json says image_data_format channels_first"
