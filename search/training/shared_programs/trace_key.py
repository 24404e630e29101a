"""What a traced program depends on, as the key that it is stored under: two that are equal trace the same."""

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path

import spaces
from search.host import keras_import
from search.host.installed import version_of
from search.training.backends.protocol import Kept, TracedStore

PACKAGES = ("keras", "numpy")
FOLDERS = (Path(__file__).resolve().parents[1], Path(spaces.__file__).resolve().parent)
CONVENTIONS = Path(keras_import.__file__).resolve()


def source_digest() -> str:
    """A digest of our own source of what traces, and of all that it may use: whatever is changed there, programs are
    traced again.
    """
    digest = hashlib.sha256()
    paths = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]
    for path in (*paths, CONVENTIONS):
        source = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name}\0{len(source)}\0".encode())
        digest.update(source)
    return digest.hexdigest()


# Of what this process runs: source and packages may be changed while it runs, and trainers are forked long after.
SOURCE = source_digest()
VERSIONS = {name: version_of(name) for name in PACKAGES}


@dataclass(frozen=True)
class KeptSteps:
    """Where the steps of a program are kept, None where they aren't."""

    train: Kept | None = None
    test: Kept | None = None


def kept_steps(store: TracedStore, program: object) -> KeptSteps:
    """Where a program's steps are kept in a store. `program` is all that decides on them besides versions and source;
    equal ones have the same `repr`.
    """
    return KeptSteps(Kept(store, trace_key("train", program)), Kept(store, trace_key("test", program)))


def trace_key(step: str, program: object) -> str:
    """The key of a program's step, without what the backend knows."""
    python = platform.python_version(), platform.machine()
    return json.dumps({"step": step, "program": repr(program), "python": python, **VERSIONS, "source": SOURCE})


def source_is_unchanged() -> bool:
    """Whether the source is still the one that this process runs."""
    try:
        return source_digest() == SOURCE
    except OSError:
        return False
