"""Artifacts are untrusted files: they are served as data, never as our pages.

An HTML artifact that ran here could read and change, with the visitor's cookies, everything that the dashboard can. So
everything but plain pictures and text is downloaded, and anything that a browser still displays runs in a sandbox.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web import answers
from search.web.answers import Headers, without

FILES = "/artifacts/"
IDENTITY = re.compile(r"[0-9a-fA-F-]{1,64}")
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/json"})
# The type comes from the program that stored the file, and may contain line breaks and further headers.
KIND = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w-]+=[\w.+-]+)*", re.ASCII)
UNKNOWN = "application/octet-stream"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


@dataclass(frozen=True)
class Downloads:
    """Protects the artifacts' URLs; `stored` says whether an artifact of that ID still exists."""

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
        return self._hand_out(environ, start)

    def _hand_out(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        begun = list[tuple[str, Headers]]()

        def note(status: str, headers: Headers, _: Any = None, /) -> Any:
            begun.append((status, headers))

        content = self.app(environ, note)
        status, headers = begun[-1]
        if not status.startswith("5"):
            start(status, as_data(headers))
            return content
        if hasattr(content, "close"):
            content.close()
        # The study's data about the file, such as its type, isn't trusted either.
        return answers.text(start, "404 Not Found", "What the study says of this file is damaged.")

    def _is_there(self, path: str) -> bool:
        artifact_id = path.rstrip("/").rpartition("/")[2]
        return IDENTITY.fullmatch(artifact_id) is not None and self.stored(artifact_id)


def as_data(headers: Headers) -> Headers:
    """The headers of an artifact, changed so that no browser runs it as a page of this dashboard."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    shown = kind.partition(";")[0].strip().lower() in SHOWN
    disposition = ("Content-Disposition", "inline" if shown else "attachment")
    typed = [("Content-Type", kind if KIND.fullmatch(kind) else UNKNOWN)]
    rest = without(headers, "Content-Disposition", "Content-Type")
    return [*rest, *typed, ("Content-Security-Policy", POLICY), disposition]
