"""The protocol of a worker and the trainer server: packets over sockets between processes of one host.

A worker requests a trainer with a Request. The trainer itself answers Started, and the server reports when it has
Ended. A socket that is closed without that means that the server is gone. A server that outlives its launch is also
told how long to stay (KeepWarm), asked what it does (Describe), and told to go (Leave).
"""

import array
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import astuple, dataclass

import msgspec

TRAINER_NAME = "trainer"  # of the processes that the server forks, in lists of processes
BUSY_S = 30  # an import of Keras on a machine that is very busy
PACKET_BYTES = 1 << 18  # more than a socket takes at once
DESCRIPTORS = 5  # of a request


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The trainer runs. A descriptor of its process comes with it, which can't refer to another process."""

    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The trainer has ended, with an exit code as `subprocess` gives them: below 0 it is the number of a signal."""

    code: int


ChildEvent = Started | Ended


class KeepWarm(msgspec.Struct, frozen=True, tag="keep_warm"):
    """From now on the server leaves when it has been idle for this many seconds."""

    idle_s: float


class Describe(msgspec.Struct, frozen=True, tag="describe"):
    """The server is to send its ServerState."""


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """The server is to send its ServerState, and to leave once the launches that use it are done."""


Control = KeepWarm | Describe | Leave


class ServerState(msgspec.Struct, frozen=True, tag="state"):
    """A server that outlives its launch: its process, how many launches use it, how many seconds ago it was last of
    use, and after how many it leaves.
    """

    pid: int
    launches: int
    idle_s: float
    leaves_after_s: float


class _Fork(msgspec.Struct, frozen=True, tag="fork"):
    """What a Request is as a packet; its descriptors come with it."""

    environment: dict[bytes, bytes]


@dataclass(frozen=True)
class Descriptors:
    """The descriptors from which a trainer reads commands and to which it writes messages and its log, a socket for
    its events, and the folder that it works in.
    """

    commands: int
    messages: int
    log: int
    events: int
    folder: int

    def close(self) -> None:
        """Closes them all."""
        for descriptor in astuple(self):
            os.close(descriptor)


@dataclass(frozen=True)
class Request:
    """A request for a trainer with exactly this environment."""

    environment: Mapping[bytes, bytes]
    descriptors: Descriptors


def request_sockets() -> tuple[socket.socket, socket.socket]:
    """The two ends of a socket for requests. Any number of processes may share the first, to send them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    limit_sending(ours)
    return ours, theirs


def limit_sending(requests: socket.socket) -> None:
    """Makes sending over the socket fail when the server has been too busy for `BUSY_S` seconds."""
    requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", BUSY_S, 0))


def send_request(server: socket.socket, request: Request) -> None:
    """Sends a request. If many workers send some at once, this waits for the server to accept the earlier ones.

    Raises:
        OSError: the server is gone, or has been too busy for `BUSY_S` seconds, or the environment is too large.
    """
    _send(server, msgspec.msgpack.encode(_Fork(dict(request.environment))), astuple(request.descriptors))


def send_control(server: socket.socket, control: Control) -> None:
    """Tells a server that outlives its launch something.

    Raises:
        OSError: as `send_request` does.
    """
    _send(server, msgspec.msgpack.encode(control), ())


def receive_request(server: socket.socket) -> Request | Control | None:
    """Waits for the next request; None when no process is left that could send one.

    Raises:
        OSError: it arrived incomplete, as this process has no descriptors left.
        msgspec.MsgspecError: it isn't a request.
    """
    packet, descriptors = _receive(server, DESCRIPTORS)
    if not packet:
        return None
    try:
        request: _Fork | Control = msgspec.msgpack.decode(packet, type=_Fork | Control)
        if not isinstance(request, _Fork):
            return request
        if len(descriptors) == DESCRIPTORS:
            return Request(request.environment, Descriptors(*(descriptors.pop(0) for _ in range(DESCRIPTORS))))
        raise OSError(f"a request came with {len(descriptors)} of {DESCRIPTORS} descriptors")
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def receive_state(server: socket.socket) -> ServerState | None:
    """Waits for the answer to Describe or Leave, as long as the socket's timeout says; None if the server is gone.

    Raises:
        OSError: there was none in time.
    """
    packet, _ = _receive(server, 0)
    return msgspec.json.decode(packet, type=ServerState) if packet else None


def send_event(worker: socket.socket, event: ChildEvent | ServerState, descriptor: int | None = None) -> None:
    """Sends a worker an event of its trainer, or the process that asked for it the state of the server.

    Raises:
        OSError: the worker is gone.
    """
    _send(worker, msgspec.json.encode(event), () if descriptor is None else (descriptor,))


def receive_event(trainer: socket.socket) -> tuple[ChildEvent, int | None] | None:
    """Waits for the next event and the descriptor that comes with it; None when the sender is gone."""
    try:
        packet, descriptors = _receive(trainer, 1)
    except ConnectionResetError:
        return None  # the request was lost with its server
    if not packet:
        return None
    return msgspec.json.decode(packet, type=ChildEvent), descriptors[0] if descriptors else None


def _send(to: socket.socket, packet: bytes, descriptors: tuple[int, ...]) -> None:
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
    to.sendmsg([packet], [rights] if descriptors else [])


def _receive(of: socket.socket, count: int) -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    room = socket.CMSG_SPACE(count * descriptors.itemsize)
    packet, rights, _, _ = of.recvmsg(PACKET_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    for _, _, data in rights:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return packet, list(descriptors)
