"""Assembles the dashboard and serves it."""

import errno
import logging
import os
import signal
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import WSGIApplication

import optuna
from waitress.server import create_server

from search.errors import UsageError
from search.web.changes import OwnPagesOnly, ReadOnly
from search.web.database import Database
from search.web.descriptors import room
from search.web.downloads import Downloads
from search.web.explained import Explained
from search.web.headers import SafeHeaders
from search.web.health import Health
from search.web.hosts import LOOPBACK, KnownHosts, is_loopback
from search.web.importances import ReportImportances
from search.web.login import VARIABLE, Credentials, Login
from storage import check_url

THREADS = 8
# Each unfinished request holds a connection until it times out.
CONNECTIONS = 2000
SILENCE_S = 20
CLEANUP_S = 5
LONGEST_REQUEST = 64 * 2**20  # an uploaded artifact, with --allow-edit
EVERYWHERE = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - listed here to detect it


@dataclass(frozen=True)
class DashboardOptions:
    """The flags of `python -m search.dashboard`, and the login from its environment."""

    storage: str
    host: str = "127.0.0.1"
    port: int = 8080
    study_name: str | None = None
    artifacts: Path | None = None
    allow_edit: bool = False
    allow_host: tuple[str, ...] = ()
    open_browser: bool = False
    credentials: Credentials | None = None


def credentials_from_environment() -> Credentials | None:
    """The login in the environment, None without one; raises UsageError if it is invalid."""
    given = os.environ.get(VARIABLE)
    return Credentials.parse(given) if given else None


def serve(options: DashboardOptions, say: Callable[[str], None]) -> None:
    """Serves the dashboard until it is stopped.

    Raises:
        UsageError, StorageUsageError: a flag is wrong, the port is taken, or there is no login where one is needed.
        StorageUnreachable: the database doesn't answer.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    require_login(options)
    database = Database(
        check_url(options.storage, write=options.allow_edit), write=options.allow_edit, artifacts=options.artifacts
    )
    path = page_of(database, options.study_name)
    listener = listen(options.host, options.port)
    address = address_of(options.host, listener.getsockname()[1]) + path
    server = create_server(
        assemble(database, options),
        sockets=[listener],
        threads=THREADS,
        **patience(),
        ident="",
        max_request_body_size=LONGEST_REQUEST,
    )
    login = f", with the login from {VARIABLE}" if options.credentials is not None else ""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a page asks for more at once than there are threads
    say(f"The dashboard is on {address}{login}. Ctrl-C ends it.")
    if options.open_browser:
        webbrowser.open(address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.run()  # until SIGINT or SIGTERM
    server.close()
    database.close()


def patience() -> dict[str, int | bool]:
    """How many connections the server keeps, and for how long while they are idle."""
    return {
        "connection_limit": room(CONNECTIONS),
        "channel_timeout": SILENCE_S,
        "cleanup_interval": CLEANUP_S,
        "asyncore_use_poll": True,  # the other way knows no more than 1,024 files
    }


def require_login(options: DashboardOptions) -> None:
    """Raises UsageError if other machines could connect without a login, or the host isn't known."""
    try:
        private = is_loopback(options.host)
    except OSError as error:
        raise UsageError(f"--host {options.host!r} isn't a host of this machine: {error}") from error
    if private or options.credentials is not None:
        return
    raise UsageError(
        f"on {options.host} others reach the dashboard, so it needs a login: set {VARIABLE} to a token or to "
        "USER:PASSWORD in the environment, or leave --host out to serve this machine only; "
        f"{VARIABLE}=$(python -c 'import secrets; print(secrets.token_urlsafe())') makes a token"
    )


def assemble(database: Database, options: DashboardOptions) -> WSGIApplication:
    """The dashboard of the database, in all its layers."""
    app: WSGIApplication = Downloads(ReportImportances(database, database.browsing), database.store.has)
    app = Explained(app, options.allow_edit)
    app = OwnPagesOnly(app) if options.allow_edit else ReadOnly(app)
    if options.credentials is not None:
        app = Login(app, options.credentials)
    app = Health(app, database.fault)
    if options.credentials is None or options.allow_host:
        app = KnownHosts(app, LOOPBACK | {name.lower() for name in (options.host, *options.allow_host)})
    return SafeHeaders(app)


def page_of(database: Database, study_name: str | None) -> str:
    """The path of a study's page, or of the list of all; raises StudyNotFound if there is no such study."""
    browsing = database.open()
    if study_name is None:
        return ""
    if browsing is None:
        raise UsageError(f"there is no study {study_name!r}: the database has none yet; a launch creates it")
    return f"/dashboard/studies/{browsing.study_id(study_name)}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that holds the port; raises UsageError if it can't have it."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address, family=family)
    except OSError as error:
        hint = "another program listens there: take another --port, or 0 for any that is free"
        reason = hint if error.errno == errno.EADDRINUSE else str(error)
        raise UsageError(f"the dashboard can't listen on {host} port {port}: {reason}") from error


def address_of(host: str, port: int) -> str:
    """The address to type into a browser on this machine."""
    name = socket.gethostname() if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"
