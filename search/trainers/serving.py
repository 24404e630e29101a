"""Starts a trainer server for this process and its workers, and finds it again in the workers.

Its socket's descriptor is in an environment variable, so that workers that inherit it can find it.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

from search.host.module_path import module_command, with_our_path
from search.trainers.environment import without_secrets
from search.trainers.requests import request_sockets
from search.trainers.signals import held_back

SERVER = "SEARCH_TRAINER_SERVER"
SERVER_COMMAND = module_command("search.trainer_server")


@contextlib.contextmanager
def trainer_server(*, wanted: bool = True) -> Iterator[None]:
    """Within the block, trainers are forked from a server, if `wanted` and possible. If it isn't wanted, this process
    keeps the server that it was started with.

    The server imports Keras in the meantime. It is ended at the end of the block, when no worker may need it any more;
    if this process is killed, it continues until its workers are gone.
    """
    if not wanted:
        yield
        return
    forget_server()
    if not can_be_served():
        yield
        return
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
    """Whether this system supports a server, and Keras' backend starts no threads when it is imported."""
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


def forget_server() -> None:
    """Makes this process forget its trainer server."""
    os.environ.pop(SERVER, None)
