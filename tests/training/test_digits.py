"""The bundled digits, which are read from scikit-learn's file without scikit-learn."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from search.datasets import load_dataset


def test_the_file_holds_what_scikit_learn_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    bunch = datasets.load_digits()
    read = load_dataset("digits")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    imported = load_dataset("digits")
    assert read.fingerprint() == imported.fingerprint()
    assert len(read.x_train) + len(read.x_test) == len(bunch.images)
    assert np.concatenate([read.x_train, read.x_test]).sum() == bunch.images.sum()


def test_reading_the_digits_imports_nothing_of_scikit_learn() -> None:
    look = (
        "import sys; from search.datasets import load_dataset; load_dataset('digits'); print('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "False\n"
