"""Only the backends' modules know TensorFlow and JAX, so that another backend of Keras can take its place."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.paths import ROOT

BACKENDS = ROOT / "search" / "training" / "backends"
ONLY = {
    "tensorflow": {BACKENDS / "tensorflow.py", BACKENDS / "tensorflow_kept.py"},
    "jax": {BACKENDS / "jax.py"},
}
DATA_AND_MODELS = {Path("search/datasets/named.py"), Path("search/predict/exported_model.py")}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def modules_importing(package: str) -> set[Path]:
    sources = [path for folder in ("search", "spaces", "storage") for path in (ROOT / folder).rglob("*.py")]
    return {path for path in sources if any(name.split(".")[0] == package for name in imported(path))}


def test_tensorflow_and_jax_are_imported_by_their_backends_only() -> None:
    assert {package: modules_importing(package) for package in ONLY} == ONLY


def test_keras_is_imported_by_training_by_what_asks_it_for_data_or_opens_a_model_and_by_spaces_that_build() -> None:
    paths = {path.relative_to(ROOT) for path in modules_importing("keras")} - DATA_AND_MODELS
    assert all(path.parts[:2] == ("search", "training") or path.parts[0] == "spaces" for path in paths)
