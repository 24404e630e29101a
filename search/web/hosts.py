"""The host names to which the dashboard answers if it has no login.

Another site may give its own name this machine's address (DNS rebinding); then its scripts can read what is served
here, as the browser sees the same host. The host name in the request reveals this.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web import answers

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class KnownHosts:
    """Refuses requests for other host names than `names`; the port doesn't matter, as a tunnel changes it."""

    app: WSGIApplication
    names: frozenset[str]

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        name = host_name(environ.get("HTTP_HOST", ""))
        if name in self.names:
            return self.app(environ, start)
        return answers.text(
            start,
            "421 Misdirected Request",
            f"This dashboard isn't served as {name!r}: open it as http://127.0.0.1, "
            "or start it with --allow-host and the name by which you reach it.",
        )


def host_name(host: str) -> str:
    """The name in a Host header, without its port and in lower case; "" if there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to a host: a name or an address.

    Raises:
        OSError: the name isn't known.
    """
    found = socket.getaddrinfo(host or "0.0.0.0", None)  # noqa: S104 - what an empty name means to a server
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
