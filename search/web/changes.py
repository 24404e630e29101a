"""Changes through the dashboard: none, or, with --allow-edit, only by its own pages and by scripts."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web import answers

READING = frozenset({"GET", "HEAD"})
REFUSED = "403 Forbidden"


@dataclass(frozen=True)
class ReadOnly:
    """Refuses every request that could change something."""

    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in READING:
            return self.app(environ, start)
        reason = "This dashboard is read-only. To edit notes or delete studies, start it with --allow-edit."
        return answers.json(start, REFUSED, {"reason": reason})


@dataclass(frozen=True)
class OwnPagesOnly:
    """Refuses changes requested by pages of other sites (CSRF), which a browser sends with its cookies."""

    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in READING or comes_from_here(environ):
            return self.app(environ, start)
        return answers.json(start, REFUSED, {"reason": "This change was asked for by a page from elsewhere."})


def comes_from_here(environ: WSGIEnvironment) -> bool:
    """Whether the request is from one of our pages, or from a program that isn't a browser and so can't be misused."""
    origin, host = environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST", "")
    if origin is not None:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    return bool(environ.get("HTTP_SEC_FETCH_SITE", "same-origin") == "same-origin")
