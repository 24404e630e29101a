"""Starts a trainer server for this process and its workers, and finds it again in the workers.

Its socket's descriptor is in an environment variable, so that workers that inherit it can find it.
"""

import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

from search.host.gpus import installed_gpus
from search.host.module_path import module_command, with_our_path
from search.trainers.environment import without_secrets
from search.trainers.requests import request_sockets
from search.trainers.signals import held_back
from search.trainers.warm_servers import connect_to_warm

log = logging.getLogger(__name__)

SERVER = "SEARCH_TRAINER_SERVER"
SERVER_COMMAND = module_command("search.trainer_server")


@contextlib.contextmanager
def trainer_server(*, wanted: bool = True, keep_warm_s: float | None = None) -> Iterator[None]:
    """Within the block, trainers are forked from a server, if `wanted` and possible. If it isn't wanted, this process
    keeps the server that it was started with.

    It is the one that this process was started with, else one that an earlier launch has left, if there is one that
    fits. Else it is started, and imports Keras in the meantime; then it is ended at the end of the block, when no
    worker may need it any more, unless `keep_warm_s` says that it is to stay until it has been idle for this many
    seconds. If this process is killed, it continues until its workers are gone.

    Raises:
        UsageError: one is to be kept, and there is no folder for its socket that is the user's own.
    """
    if not wanted:
        yield
        return
    if keep_warm_s and (not can_be_served() or installed_gpus()):
        log.warning("--keep-warm has no effect: trainer servers need Linux, TensorFlow, and a host without GPUs")
        keep_warm_s = None
    if not can_be_served():
        forget_server()
        yield
        return
    if server_descriptor() is not None:
        yield
        return
    warm = connect_to_warm(keep_warm_s)
    with _own_server() if warm is None else _warm_server(warm):
        yield


@contextlib.contextmanager
def _warm_server(connection: socket.socket) -> Iterator[None]:
    """Trainers come from the server at the other end, which goes on after the block."""
    with connection:
        os.environ[SERVER] = str(connection.fileno())
        try:
            yield
        finally:
            forget_server()


@contextlib.contextmanager
def _own_server() -> Iterator[None]:
    """Trainers come from a server that ends with the block."""
    ours, theirs = request_sockets()
    with ours:
        with theirs, held_back():
            server = subprocess.Popen(
                [*SERVER_COMMAND, f"--requests-fd={theirs.fileno()}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # a trainer's log has Keras' messages at import, too
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=with_our_path(without_secrets(os.environ)),
                start_new_session=True,  # Ctrl-C is for the workers, which tell the trainers what to do
            )
        os.environ[SERVER] = str(ours.fileno())
        try:
            yield
        finally:
            forget_server()
            server.kill()
            server.wait()


def can_be_served() -> bool:
    """Whether this system supports a server, and Keras' backend starts no threads when it is imported.

    A server also needs a host without GPUs, but to look for them takes time, which it has itself.
    """
    if sys.platform != "linux" or os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def server_descriptor() -> int | None:
    """The descriptor of the socket to this process' trainer server, None if it has none."""
    given = os.environ.get(SERVER, "")
    if not given.isdecimal():
        return None
    try:
        with socket.socket(fileno=os.dup(int(given))) as found:
            right = (found.family, found.type) == (socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        return None
    return int(given) if right else None


def descriptors_for_children() -> tuple[int, ...]:
    """What a process that this one starts must inherit to use its trainer server; nothing if there is none."""
    found = server_descriptor()
    return () if found is None else (found,)


def forget_server() -> None:
    """Makes this process forget its trainer server."""
    os.environ.pop(SERVER, None)
