"""Trainer servers that outlive their launch: found, started, described and ended.

One is started only if a launch asks for it, and leaves when it has been idle for as long as that says. Later launches
with the same key (server_key.py) use it, whether they ask for one or not.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from search.errors import UsageError
from search.host.module_path import module_command, with_our_path
from search.trainers.requests import (
    Control,
    Describe,
    KeepWarm,
    Leave,
    ServerState,
    limit_sending,
    receive_state,
    send_control,
)
from search.trainers.server_folder import FolderUnusable, ServerFolder, is_stopped, peer_pid
from search.trainers.server_key import server_environment, server_key
from search.trainers.signals import held_back

log = logging.getLogger(__name__)

LOCK_S = 5.0
ANSWER_S = 2.0
PROGRAM = "search.trainer_server"
COMMAND = module_command(PROGRAM)


@dataclass(frozen=True)
class WarmServer:
    """A server that is there: its key, and what it says of itself; None if it doesn't answer."""

    key: str
    state: ServerState | None


def connect_to_warm(keep_warm_s: float | None) -> socket.socket | None:
    """A connection to a server that fits this process' environment, started if `keep_warm_s` says how long it is to
    stay; None if there is none.

    Raises:
        UsageError: one is to be kept, and there is no folder for its socket that is the user's own.
    """
    try:
        folder = ServerFolder.open(create=bool(keep_warm_s))
    except FolderUnusable as error:
        if keep_warm_s:
            raise UsageError(f"--keep-warm: {error}. Or leave the flag out.") from error
        log.info("%s", error)
        return None
    if folder is None:
        return None
    with folder:
        try:
            return _connect(folder, keep_warm_s)
        except OSError as error:  # such as a full disk
            log.warning("no trainer server can be kept: %s", error)
            return None


def warm_servers() -> list[WarmServer]:
    """The user's servers on this host.

    Raises:
        FolderUnusable: the folder of their sockets isn't the user's own.
    """
    return list(_ask_all(Describe()))


def end_warm_servers() -> list[WarmServer]:
    """Ends the user's servers on this host, or has them leave when the launches that use them are done. What they said
    before: one that didn't answer is killed.

    Raises:
        FolderUnusable: as `warm_servers` does.
    """
    return list(_ask_all(Leave()))


def _connect(folder: ServerFolder, keep_warm_s: float | None) -> socket.socket | None:
    if not keep_warm_s and not folder.all_keys():
        return None  # without the time that a key takes
    key = server_key(os.environ)
    with folder.locked(LOCK_S) as mine:
        if not mine:
            return None
        connection = _to_running(folder, key)
        if connection is None and keep_warm_s:
            _start(folder, key, keep_warm_s)
            connection = folder.connect(key)
        elif connection is not None and keep_warm_s is not None:
            send_control(connection, KeepWarm(keep_warm_s))
    if connection is not None:
        limit_sending(connection)
    return connection


def _to_running(folder: ServerFolder, key: str) -> socket.socket | None:
    connection = folder.connect(key)
    if connection is None:
        return None
    if is_stopped(peer_pid(connection)):  # it would give no answer
        connection.close()
        return None
    log.info("trainers come from a server that an earlier launch has left")
    return connection


def _start(folder: ServerFolder, key: str, keep_warm_s: float) -> None:
    """Starts a server that has nothing of this process but what belongs to its key."""
    with folder.listen(key) as listener, held_back():
        server = subprocess.Popen(
            [
                *COMMAND,
                f"--listener-fd={listener.fileno()}",
                f"--key={key}",
                f"--folder={folder.path}",
                f"--keep-warm={keep_warm_s}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listener.fileno(),),
            cwd="/",
            env=server_environment(with_our_path(os.environ)),
            start_new_session=True,
        )
    threading.Thread(target=server.wait, daemon=True, name="warm-server").start()  # no zombie if it ends before us


def _ask_all(control: Control) -> Iterator[WarmServer]:
    folder = ServerFolder.open(create=False)
    if folder is None:
        return
    with folder:
        for key in folder.all_keys():
            connection = folder.connect(key)
            if connection is not None:
                with connection:
                    yield WarmServer(key, _ask(connection, control))
            elif isinstance(control, Leave):
                _remove_stale(folder, key)


def _remove_stale(folder: ServerFolder, key: str) -> None:
    """Removes what a killed server has left, unless another has taken its place."""
    with folder.locked(LOCK_S) as mine:
        if mine and (connection := folder.connect(key)) is None:
            folder.remove(key)
        elif mine and connection is not None:
            connection.close()


def _ask(server: socket.socket, control: Control) -> ServerState | None:
    """What the server says; if it is told to leave and says nothing, it is killed."""
    try:
        server.settimeout(ANSWER_S)
        send_control(server, control)
        return receive_state(server)
    except OSError:
        if isinstance(control, Leave):
            _kill(peer_pid(server))
        return None


def _kill(pid: int) -> None:
    """Kills the process if it is a trainer server: before one has begun to listen, its launch is at the other end."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return
    with contextlib.suppress(OSError):
        if PROGRAM.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            signal.pidfd_send_signal(process, signal.SIGKILL)
    os.close(process)
