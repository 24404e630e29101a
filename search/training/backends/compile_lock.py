"""Of the processes that need the same program, one compiles it: the others wait for that, and load it from the disk.

Workers on one GPU begin together, and need the same programs first. Compiling them side by side takes each several
times as long.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

LOCKS = 64  # files, so that they needn't be removed; programs that share one wait for each other in vain
PATIENCE_S = 300.0
POLL_S = 0.1


@contextlib.contextmanager
def compile_lock(folder: Path | None, program: str) -> Iterator[None]:
    """Keeps other processes that use the folder from compiling the program, given as text, within the block. One that
    is suspended in it isn't waited for forever; without a folder nobody waits.
    """
    file = None if folder is None else _opened(_path(folder, program))
    if file is None:
        yield
        return
    try:
        _lock(file)
        yield
    finally:
        os.close(file)  # which releases the lock, as the end of a process does


def _path(folder: Path, program: str) -> Path:
    digest = hashlib.sha256(program.encode()).digest()
    return folder / f"compiling-{int.from_bytes(digest) % LOCKS:02}.lock"


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _lock(file: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(POLL_S)
