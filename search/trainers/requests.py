"""The protocol of a worker and the trainer server: packets over sockets between processes of one host.

A worker requests a trainer with a Request. The trainer itself answers Started, and the server reports when it has
Ended. A socket that is closed without that means that the server is gone.
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


class Started(msgspec.Struct, frozen=True, tag="started"):
    """The trainer runs. A descriptor of its process comes with it, which can't refer to another process."""

    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The trainer has ended, with an exit code as `subprocess` gives them: below 0 it is the number of a signal."""

    code: int


ChildEvent = Started | Ended


@dataclass(frozen=True)
class Descriptors:
    """The descriptors from which a trainer reads commands and to which it writes messages and its log, and a
    socket for its events.
    """

    commands: int
    messages: int
    log: int
    events: int

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
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", BUSY_S, 0))
    return ours, theirs


def send_request(server: socket.socket, request: Request) -> None:
    """Sends a request. If many workers send some at once, this waits for the server to accept the earlier ones.

    Raises:
        OSError: the server is gone, or has been too busy for `BUSY_S` seconds, or the environment is too large.
    """
    entries = (name + b"=" + value for name, value in request.environment.items())
    _send(server, b"\0".join(entries), astuple(request.descriptors))


def receive_request(server: socket.socket) -> Request | None:
    """Waits for the next request; None when no process is left that could send one.

    Raises:
        OSError: it arrived incomplete, as this process has no descriptors left.
    """
    packet, descriptors = _receive(server, 4)
    if not packet:
        return None
    if len(descriptors) != 4:
        for descriptor in descriptors:
            os.close(descriptor)
        raise OSError(f"a request came with {len(descriptors)} of 4 descriptors")
    pairs = (entry.partition(b"=") for entry in packet.split(b"\0"))
    return Request({name: value for name, _, value in pairs}, Descriptors(*descriptors))


def send_event(worker: socket.socket, event: ChildEvent, descriptor: int | None = None) -> None:
    """Sends a worker an event of its trainer.

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
