"""A trainer is ready sooner without what Keras would import for others."""

import subprocess
import sys

LOOK = """
import gc, sys
from search.training.device import configure
configure(threads=1)
print(sorted({"pandas", "sklearn"} & set(sys.modules)))
import keras, sklearn
print(keras.__name__, sklearn.__name__, gc.isenabled())
"""


def test_what_is_held_back_while_keras_is_imported_is_there_later() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[]", "keras sklearn True"]
