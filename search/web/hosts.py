"""By which names the dashboard may be called, where nobody has to log in.

A page of a stranger may give its own name this machine's address (DNS rebinding), and then its scripts read what is
served here, as the browser sees one and the same host. The name that the browser asked for gives it away.
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
    """Refuses requests that call it by other names than `names`; the port doesn't matter, as a tunnel changes it."""

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
