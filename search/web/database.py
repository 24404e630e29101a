"""optuna-dashboard on a database that may not exist yet, or may be replaced by another file while it is served."""

import html
import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from optuna_dashboard import wsgi

from search.web import answers
from search.web.artifacts import FoundArtifacts
from storage import hide_password
from storage.browsing import Browsing, browse
from storage.errors import StorageError, StorageGone

log = logging.getLogger(__name__)

RELOAD_S = 5
Identity = tuple[int, int] | None


class Database:
    """The dashboard of one database: opened once it exists, and again after another file has replaced it.

    `artifacts` is the folder of artifacts on this host, None for the folders stored in the studies.
    """

    def __init__(self, url: str, *, write: bool = False, artifacts: Path | None = None) -> None:
        self._url = url
        self._write = write
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._identity: Identity = None
        self._browsing: Browsing | None = None
        self._app: WSGIApplication | None = None
        self.store = FoundArtifacts(self._artifact_places)

    def open(self) -> Browsing | None:
        """The database, None while it doesn't exist or has no tables.

        Raises:
            StorageError: it isn't a database of studies, or doesn't answer.
        """
        with self._lock:
            if self._browsing is not None and self._identity != identity_of(self._url):
                log.info("the database was replaced: opening it again")
                self._browsing.close()
                self._browsing = self._app = None
            if self._browsing is None:
                self._identity = identity_of(self._url)
                self._browsing = browse(self._url, write=self._write)
            return self._browsing

    def fault(self) -> str | None:
        """The reason why the dashboard can't show studies, None if it can; having no studies yet isn't a fault."""
        try:
            browsing = self.open()
            if browsing is not None:
                browsing.check()
        except StorageGone as error:
            self.close()  # the new file is opened for the next request
            return str(error)
        except StorageError as error:
            return str(error)
        return None

    def browsing(self) -> Browsing | None:
        """Read-only access to it, None while it isn't there or can't be read."""
        return self.open() if self.fault() is None else None

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            if self._browsing is not None:
                self._browsing.close()
            self._browsing = self._app = None

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        fault = self.fault()
        if fault is not None:
            return unavailable(environ, start, fault)
        browsing = self.open()
        if browsing is None:
            return self._wait(environ, start)
        return self._dashboard(browsing)(environ, start)

    def _dashboard(self, browsing: Browsing) -> WSGIApplication:
        with self._lock:
            if self._app is None:
                self._app = wsgi(browsing.storage, artifact_store=self.store)
            return self._app

    def _artifact_places(self) -> Sequence[str]:
        if self._artifacts is not None:
            return [str(self._artifacts / "models")]
        browsing = self.open()
        return browsing.artifact_locations() if browsing is not None else []

    def _wait(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if answers.wants_page(environ):
            body = (
                f"<p>There is no study in <code>{html.escape(hide_password(self._url))}</code> yet. A search makes one:"
                "</p><p><code>python -m search.launch --space bn_dropout</code></p>"
                f"<p>This page looks again every {RELOAD_S} seconds.</p>"
            )
            return answers.page(start, "200 OK", "No study yet", body, [("Refresh", str(RELOAD_S))])
        if environ["PATH_INFO"] == "/api/studies":
            return answers.json(start, "200 OK", {"study_summaries": []})
        return answers.json(start, "404 Not Found", {"reason": "There is no study yet."})


def unavailable(environ: WSGIEnvironment, start: StartResponse, fault: str) -> Iterable[bytes]:
    """Answers that the database can't be read now."""
    status = "503 Service Unavailable"
    if not answers.wants_page(environ):
        return answers.json(start, status, {"reason": fault})
    body = f"<p>{html.escape(fault)}</p><p>This page tries again every {RELOAD_S} seconds.</p>"
    return answers.page(start, status, "The database can't be read", body, [("Refresh", str(RELOAD_S))])


def identity_of(url: str) -> Identity:
    """What distinguishes a SQLite file from another one of its name; None for a server, or while there is no file."""
    if not url.startswith("sqlite"):
        return None
    try:
        found = Path(url.partition(":///")[2]).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
