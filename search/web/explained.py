"""Explanations that the dashboard's own page lacks: that it is read-only, and what its importances are.

Buttons whose requests would be refused are hidden. They are recognized by their names and icons in the page; if another
release of the dashboard changes these, they are shown, and their requests are refused with the reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web.answers import Headers, without

PAGES = "/dashboard"
CHANGING = ", ".join(
    (
        *(f'[aria-label="{name}"]' for name in ("rename study", "delete study", "delete artifact", "skip trial")),
        *(f'button:has([data-testid="{icon}Icon"])' for icon in ("AddBox", "Edit")),
        *(f'.MuiCard-root:has(> button [data-testid="{icon}Icon"])' for icon in ("UploadFile", "Upload")),
    )
)
STYLE = (
    ".explained{position:fixed;right:0;bottom:0;z-index:1300;margin:0;padding:.2rem .7rem;max-width:calc(100% - 70px);"
    "box-sizing:border-box;font:12px/1.5 system-ui,sans-serif;color:#444;background:#f3f5f7;"
    "border:1px solid #d5dae0;border-width:1px 0 0 1px;border-radius:6px 0 0 0}"
    "body{padding-bottom:2rem}"
    # The page puts an attribute on one line, however long: a trial's configuration would make it several windows wide.
    "p.MuiTypography-root{white-space:normal;overflow-wrap:anywhere}"
)
ONLY_SHOWS = "This dashboard is read-only; --allow-edit allows editing notes and deleting studies."
IMPORTANCES = "Hyperparameter importance: fANOVA as in the report, from 12 completed trials on."


@dataclass(frozen=True)
class Explained:
    """Adds the explanations to the dashboard's pages; `editable` says whether changes are allowed."""

    app: WSGIApplication
    editable: bool

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or not environ.get("PATH_INFO", "").startswith(PAGES):
            return self.app(environ, start)
        begun = list[tuple[str, Headers]]()

        def note(status: str, headers: Headers, _: Any = None, /) -> Any:
            begun.append((status, headers))

        content = self.app(whole(environ), note)
        status, headers = begun[-1]
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        if not status.startswith("200") or not kind.startswith("text/html"):
            start(status, headers)
            return content
        page = explained(read(content), editable=self.editable)
        start(
            status, [*without(headers, "Content-Length", "ETag", "Last-Modified"), ("Content-Length", str(len(page)))]
        )
        return [page]


def whole(environ: WSGIEnvironment) -> WSGIEnvironment:
    """The request for the whole page, whatever of it a browser has kept from before."""
    conditions = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_RANGE")
    return {name: value for name, value in environ.items() if name not in conditions}


def read(content: Iterable[bytes]) -> bytes:
    """All of an answer."""
    try:
        return b"".join(content)
    finally:
        if hasattr(content, "close"):
            content.close()


def explained(page: bytes, *, editable: bool) -> bytes:
    """The page with the explanations."""
    style = STYLE if editable else f"{STYLE}{CHANGING}{{display:none!important}}"
    words = IMPORTANCES if editable else f"{ONLY_SHOWS} {IMPORTANCES}"
    head, found, rest = page.partition(b"</head>")
    body, end, tail = rest.rpartition(b"</body>")
    if not found or not end:
        return page
    said = f'<p class="explained">{words}</p>'
    return b"".join((head, f"<style>{style}</style>".encode(), found, body, said.encode(), end, tail))
