"""A trainer is ready sooner without what Keras would import for others."""

import subprocess
import sys

LOOK = """
import sys
from search.training.device import configure
configure(threads=1)
print(sorted({"pandas", "sklearn"} & set(sys.modules)))
import keras, sklearn
print(keras.__name__, sklearn.__name__)
"""


def test_tables_and_wrappers_are_not_imported_with_keras_and_can_be_later() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[]", "keras sklearn"]
