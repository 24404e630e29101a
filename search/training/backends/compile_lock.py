"""Of the processes that need the same program, one compiles it: the others wait for that, and load it from the disk.

Workers on one GPU begin together, and need the same programs first. Compiling them side by side takes each several
times as long.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

LOCKS = 64  # files, so that they needn't be removed; programs that share one wait for each other in vain
PATIENCE_S = 300.0


@contextlib.contextmanager
def compile_lock(folder: Path | None, program: str) -> Iterator[None]:
    """Keeps other processes that use the folder from compiling the program, given as text, within the block. One that
    is suspended in it isn't waited for forever; without a folder, or where it can't have the lock's file, nobody waits.
    """
    lock = None if folder is None else _locked(_path(folder, program))
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _path(folder: Path, program: str) -> Path:
    digest = hashlib.sha256(program.encode()).digest()
    return folder / f"compiling-{int.from_bytes(digest) % LOCKS:02}.lock"


def _locked(path: Path) -> FileLock | None:
    lock = FileLock(path, timeout=PATIENCE_S, mode=0o600)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return None
    return lock
