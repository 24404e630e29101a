"""A trainer server for this process and the workers that it starts: started, handed on, found again.

Its socket is in an environment variable, so that workers find it that inherit the descriptor.
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
    """Trainers are forked from a server within the block, where that is wanted and can be had. Where it isn't wanted,
    a server that this process was started with stays its server.

    The server imports Keras meanwhile. At the end of the block it is ended, and nobody may need it any more; if this
    process is killed, it goes on until the workers are gone that have it.
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
                stdout=subprocess.DEVNULL,  # what Keras has to say at its import, a trainer's log has once more
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=with_our_path(without_secrets(os.environ)),
                start_new_session=True,  # Ctrl-C is for others, and they tell the trainers what to do
            )
        os.environ[SERVER] = str(ours.fileno())
        try:
            yield
        finally:
            forget_server()
            server.kill()
            server.wait()


def can_be_served() -> bool:
    """Whether this system has what a server needs, and Keras' backend starts no threads when it is imported."""
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
    """From now on this process has no trainer server."""
    os.environ.pop(SERVER, None)
