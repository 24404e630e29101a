"""A URL for health checks, such as Docker's: it needs no login, and reveals nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web import answers

PATH = "/healthy"


@dataclass(frozen=True)
class Health:
    """Answers health checks, and passes all other requests on; `fault` returns what is wrong, None if nothing is."""

    app: WSGIApplication
    fault: Callable[[], str | None]

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            return self.app(environ, start)
        if self.fault() is None:
            return answers.text(start, "200 OK", "healthy")
        return answers.text(start, "503 Service Unavailable", "The database can't be read.")
