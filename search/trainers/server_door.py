"""The side of a server that outlives its launch on which launches come and go: who may enter, and when it closes."""

import contextlib
import socket
import time
from pathlib import Path

from search.trainers.server_folder import BACKLOG, ServerFolder, is_own

CLOSING_S = 2.0
AGAIN_S = 1.0


class ServerDoor:
    """Lets launches in until the server has been of no use for `keep_warm_s` seconds, or is told to leave.

    `listener` is the socket that they find by `key` in the folder of sockets at `path`.
    """

    def __init__(self, listener: socket.socket, path: Path, key: str, keep_warm_s: float) -> None:
        self.keep_warm_s = keep_warm_s
        self.is_open = True
        self._listener = listener
        self._folder = ServerFolder.at(path)
        self._key = key
        self._inode = self._folder.inode(key)
        self._last_use = time.monotonic()
        self._no_closing_before = self._last_use
        listener.listen(BACKLOG)  # again, so that those who connect from now on learn which process this is
        listener.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that is ready to be read when a launch wants to enter."""
        return self._listener.fileno()

    def enter(self) -> socket.socket | None:
        """The connection of the next launch; None if there is none, or it is another user's."""
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return None
        if not is_own(connection):
            connection.close()
            return None
        connection.setblocking(True)
        return connection

    def note_use(self) -> None:
        """Counts the idle time from now on."""
        self._last_use = time.monotonic()

    def idle_s(self) -> float:
        """For how many seconds the server has been of no use."""
        return time.monotonic() - self._last_use

    def closes_in(self) -> float:
        """In how many seconds it closes, if no launch comes; at least 0."""
        at = max(self._last_use + self.keep_warm_s, self._no_closing_before)
        return max(0.0, at - time.monotonic())

    def close_if_idle(self) -> socket.socket | None:
        """Closes it if it is time and no process is looking for it; returns the connection of one that comes just then.

        Call it only while no launch is inside.
        """
        if self.closes_in() > 0:
            return None
        with self._folder.locked(0.0) as mine:
            if not mine:
                self._no_closing_before = time.monotonic() + AGAIN_S
                return None
            connection = self.enter()
            if connection is None:
                self._close()
            return connection

    def close(self) -> None:
        """Closes it, so that later launches don't find the server; those inside stay."""
        if self.is_open:
            with self._folder.locked(CLOSING_S):  # one that enters without it does without the server
                self._close()

    def close_inherited(self) -> None:
        """Closes the descriptors in a forked process, and leaves the files alone."""
        self._listener.close()
        with contextlib.suppress(OSError):
            self._folder.close()

    def _close(self) -> None:
        if self._folder.inode(self._key) == self._inode:  # not a successor's
            self._folder.remove(self._key)
        self._listener.close()
        self.is_open = False
