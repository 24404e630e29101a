"""Artifacts are files that anybody's trial may have stored: they are handed out as data, never as pages of ours.

A page among them that ran here could read and change, with the cookies of whoever opens it, all that the dashboard
can. So whatever isn't a plain picture or text is downloaded, and what a browser shows after all runs in a sandbox.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web import answers
from search.web.answers import Headers, change_headers, without

FILES = "/artifacts/"
IDENTITY = re.compile(r"[0-9a-fA-F-]+")
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/json"})
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


@dataclass(frozen=True)
class Downloads:
    """Guards the artifacts' addresses; `stored` says whether there is an artifact of that id still."""

    app: WSGIApplication
    stored: Callable[[str], bool]

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(FILES):
            return self.app(environ, start)
        if not self._is_there(path):
            return answers.text(
                start,
                "404 Not Found",
                "This file is gone, or in a folder that this dashboard doesn't see. Of each study the models of the "
                "best trials are kept; --artifacts names another folder.",
            )
        return change_headers(self.app, environ, start, as_data)

    def _is_there(self, path: str) -> bool:
        artifact_id = path.rstrip("/").rpartition("/")[2]
        return IDENTITY.fullmatch(artifact_id) is not None and self.stored(artifact_id)


def as_data(headers: Headers) -> Headers:
    """The headers of an artifact, such that no browser takes it for a page of this dashboard."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    shown = kind.partition(";")[0].strip().lower() in SHOWN
    disposition = ("Content-Disposition", "inline" if shown else "attachment")
    return [*without(headers, "Content-Disposition"), ("Content-Security-Policy", POLICY), disposition]
