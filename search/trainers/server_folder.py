"""The user's folder of sockets of trainer servers that outlive their launch: where it is, and how they meet there.

A server forks processes with any environment for those that reach its socket. So the folder, and the process at
the other end of a socket, must be the user's own.
"""

import contextlib
import fcntl
import os
import re
import socket
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from search.host.private_folder import make_folder, why_unusable

FOLDER = "keras-image-search"
LOCK = "lock"
SOCKET = re.compile(r"(?P<key>[0-9a-f]{20})\.sock")
OWNER_ONLY = 0o600
BACKLOG = 128
CONNECT_S = 5.0
LOCK_POLL_S = 0.02
CREDENTIALS = struct.Struct("3i")


class FolderUnusable(Exception):
    """There is no folder that is the user's own; the message says why."""


@dataclass(frozen=True)
class ServerFolder:
    """The folder, as a descriptor: a socket's address has at most 107 bytes, and a path may have more."""

    path: Path
    descriptor: int

    @classmethod
    def open(cls, *, create: bool) -> Self | None:
        """The user's folder; None if it isn't there and isn't to be created.

        Raises:
            FolderUnusable: it isn't the user's own, or can't be created.
        """
        path = server_folder()
        reason = make_folder(path) if create else why_unusable(path)
        if reason is not None:
            raise FolderUnusable(f"{path} can't be used for trainer servers: {reason}")
        try:
            return cls.at(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FolderUnusable(f"{path} can't be opened: {error.strerror}") from error

    @classmethod
    def at(cls, path: Path) -> Self:
        """The folder at a path; raises OSError if it can't be opened."""
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self.descriptor)

    def all_keys(self) -> list[str]:
        """The keys of servers that are there, or have been."""
        found = (SOCKET.fullmatch(name) for name in sorted(os.listdir(self.descriptor)))  # noqa: PTH208 - a path can't be a descriptor
        return [match["key"] for match in found if match is not None]

    def listen(self, key: str) -> socket.socket:
        """A socket that others find by the key from now on, even if there was one before.

        Raises:
            OSError: it can't be created.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        name, temporary = f"{key}.sock", f".{key}-{os.getpid()}.part"
        try:
            os.fchmod(listener.fileno(), OWNER_ONLY)  # of the file, once it is bound
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self.descriptor)
            listener.bind(self._address(temporary))
            listener.listen(BACKLOG)
            os.rename(temporary, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError:
            listener.close()
            raise
        return listener

    def connect(self, key: str) -> socket.socket | None:
        """A connection to the server of that key; None if there is none that can be used."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(CONNECT_S)
        try:
            connection.connect(self._address(f"{key}.sock"))
            if is_own(connection):
                connection.settimeout(None)
                return connection
        except OSError:  # there is none, or its process is gone
            pass
        connection.close()
        return None

    def inode(self, key: str) -> int | None:
        """The number of the socket's file, by which a server recognizes its own; None if there is none."""
        try:
            return os.stat(f"{key}.sock", dir_fd=self.descriptor, follow_symlinks=False).st_ino
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        """Removes the socket's file, if it is there. Call it within `locked`."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{key}.sock", dir_fd=self.descriptor)

    @contextlib.contextmanager
    def locked(self, timeout: float) -> Iterator[bool]:
        """Within the block, no other process looks for a server, starts or ends one; false if another did so for longer
        than `timeout` seconds. A process that is killed holds no lock.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(LOCK, flags, OWNER_ONLY, dir_fd=self.descriptor)
        try:
            yield _take(lock, time.monotonic() + timeout)
        finally:
            os.close(lock)

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self.descriptor}/{name}"


def server_folder() -> Path:
    """Where the user's sockets are: in $XDG_RUNTIME_DIR if that is the user's own, else in the temporary folder."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and Path(given).is_absolute() and why_unusable(Path(given)) is None and Path(given).is_dir():
        return Path(given, FOLDER)
    return Path(tempfile.gettempdir(), f"{FOLDER}-{os.geteuid()}")


def is_own(connection: socket.socket) -> bool:
    """Whether the process at the other end is of the same user."""
    _, user, _ = _credentials(connection)
    return user == os.geteuid()


def peer_pid(connection: socket.socket) -> int:
    """The process that connected, or that listened last on the socket; 0 if it is in another namespace."""
    pid, _, _ = _credentials(connection)
    return pid


def is_stopped(pid: int) -> bool:
    """Whether the process is suspended, or about to be removed: it gives no answer."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in "TtZX"


def _credentials(connection: socket.socket) -> tuple[int, int, int]:
    pid, user, group = CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    )
    return pid, user, group


def _take(lock: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOCK_POLL_S)
        else:
            return True
