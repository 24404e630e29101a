"""Responses of our own layers: short texts, pages and JSON, and changed responses of the application inside."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec

Headers = list[tuple[str, str]]

# For our pages: no scripts, and nothing from other places.
PLAIN_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color-scheme:light dark}"
    "h1{font-size:1.3rem}code{background:#8882;padding:.1em .3em;border-radius:3px}"
    "label{display:block;margin:.8rem 0}input{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}"
    "button{font:inherit;padding:.4rem 1.2rem}.wrong{color:#c33}"
)


def text(start: StartResponse, status: str, words: str, headers: Headers | None = None) -> Iterable[bytes]:
    """Answers with plain text."""
    return _answer(start, status, "text/plain; charset=utf-8", f"{words}\n".encode(), headers)


def json(start: StartResponse, status: str, content: Any, headers: Headers | None = None) -> Iterable[bytes]:
    """Answers with JSON; the dashboard's page shows the `reason` of an error."""
    return _answer(start, status, "application/json", msgspec.json.encode(content), headers)


def page(start: StartResponse, status: str, title: str, body: str, headers: Headers | None = None) -> Iterable[bytes]:
    """Answers with a page of ours; `body` is HTML."""
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1>{body}</main></html>"
    )
    policy = ("Content-Security-Policy", PLAIN_POLICY)
    return _answer(start, status, "text/html; charset=utf-8", html.encode(), [policy, *(headers or [])])


def wants_page(environ: WSGIEnvironment) -> bool:
    """Whether the request is a browser's for a page, not a script's or the dashboard code's for data."""
    return environ["REQUEST_METHOD"] == "GET" and "text/html" in environ.get("HTTP_ACCEPT", "")


def change_headers(
    app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse, change: Callable[[Headers], Headers]
) -> Iterable[bytes]:
    """The application's answer, with its headers changed."""

    def start_changed(status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        return start(status, change(headers), exc_info) if exc_info else start(status, change(headers))

    return app(environ, start_changed)


def without(headers: Headers, *names: str) -> Headers:
    """The headers but those of these names."""
    dropped = {name.lower() for name in names}
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _answer(start: StartResponse, status: str, kind: str, body: bytes, headers: Headers | None) -> Iterable[bytes]:
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *(headers or [])])
    return [body]
