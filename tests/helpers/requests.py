"""Requests to a WSGI application, without a server."""

import io
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

import msgspec


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def ask(app: WSGIApplication, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """What a browser or script gets; headers as `accept="text/html"`."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": "127.0.0.1:8080",
        "HTTP_ACCEPT_ENCODING": "identity",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    setup_testing_defaults(environ)
    started: list[Any] = []
    chunks = app(environ, lambda *given: started.append(given))  # type: ignore[arg-type]
    content = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    status, found = started[-1][:2]
    return Answer(int(status.partition(" ")[0]), dict(found), content)
