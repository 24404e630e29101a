"""Traced programs as files of the user's, so that a process needn't trace what an earlier one has traced.

A file is written to a temporary name, then renamed, so that processes may write the same program at once. One that is
damaged, of another user, or of something else than it is asked for, isn't used: the program is traced again.
"""

import contextlib
import hashlib
import logging
import os
import stat
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.host.private_folder import make_folder
from search.host.program_folder import program_files, program_folder, remove_parts
from search.training.shared_programs.trace_key import source_is_unchanged

LIMIT = 100 * 2**20  # bytes of all files
LARGEST = 64 * 2**20  # bytes of a program: a damaged length can't take all memory
DIGEST = 32  # bytes
FAST = 1  # of zlib's levels: it makes a program a tenth as large
PART_S = 3600.0  # a file that is partly written and older than that is never finished

log = logging.getLogger(__name__)


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """What a file contains, after its digest: the key that it was stored under, and the compressed program."""

    key: str
    program: bytes


class UnusableFile(Exception):
    """The file isn't the program that it was taken for; the message says why."""


@dataclass(frozen=True)
class TracedFiles:
    """A TracedStore in a folder, which takes no more than `limit` bytes: those that were used least recently go.

    `may_store` is asked before anything is stored.
    """

    folder: Path
    limit: int = LIMIT
    may_store: Callable[[], bool] = source_is_unchanged

    def get(self, key: str) -> bytes | None:
        """The program of the key, None if there is none that can be used; the log says why one can't."""
        path = self._path(key)
        try:
            program = _program(_read(path), key)
        except FileNotFoundError:
            return None
        except (OSError, UnusableFile) as error:
            log.warning("the traced program %s isn't used, and is traced again: %s", path, error)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return program

    def put(self, key: str, program: bytes) -> None:
        """Stores a program under a key, in place of an earlier one. If that fails, the log says why."""
        if not self.may_store():
            log.warning("traced programs aren't stored any more: the source has changed since this process began")
            return
        path = self._path(key)
        part = self.folder / f".{path.stem}.{os.getpid()}-{threading.get_ident()}.part"
        try:
            _write(part, _file_of(key, program))
            part.replace(path)
        except OSError as error:
            log.warning("the traced program %s can't be stored: %s", path, error)
            with contextlib.suppress(OSError):
                part.unlink()
            return
        self._make_room()

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.program"

    def _make_room(self) -> None:
        remove_parts(self.folder, time.time() - PART_S)
        files = program_files(self.folder)
        size = sum(file.size for file in files)
        for file in files:
            if size <= self.limit:
                return
            with contextlib.suppress(OSError):
                file.path.unlink()
            size -= file.size


def open_traced_files() -> TracedFiles | None:
    """The user's folder of traced programs, created if need be; None if there is none, and the log says why."""
    folder = program_folder()
    if folder is None:
        return None
    if (reason := make_folder(folder)) is not None:
        log.warning("traced programs aren't kept in %s: %s", folder, reason)
        return None
    return TracedFiles(folder)


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise UnusableFile("it is another user's, or no file")
        return file.read()


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)


def _file_of(key: str, program: bytes) -> bytes:
    entry = msgspec.msgpack.encode(_Entry(key, zlib.compress(program, FAST)))
    return hashlib.sha256(entry).digest() + entry


def _program(content: bytes, key: str) -> bytes:
    digest, encoded = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(encoded).digest() != digest:
        raise UnusableFile("it is damaged")
    try:
        entry = msgspec.msgpack.decode(encoded, type=_Entry)
        unpacker = zlib.decompressobj()
        program = unpacker.decompress(entry.program, LARGEST)
    except (msgspec.MsgspecError, zlib.error) as error:
        raise UnusableFile(f"it is of another release: {error}") from error
    if entry.key != key:
        raise UnusableFile("it is of other images, layers, packages or source")
    if not unpacker.eof:
        raise UnusableFile("it is too large")
    return program
