"""Security headers for every response."""

from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.web.answers import Headers, change_headers, without

# Parallel coordinates draw with WebGL, whose library makes functions of text; its style sheets are written by scripts.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

SAFE: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
]

POLICY_HEADER = "Content-Security-Policy"
SHARED_WITH_ALL = ("Access-Control-Allow-Origin", "Server")


@dataclass(frozen=True)
class SafeHeaders:
    """Adds the headers. A stricter policy that another layer has set is kept."""

    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        api = environ.get("PATH_INFO", "").startswith(("/api/", "/csv/", "/artifacts/"))
        return change_headers(self.app, environ, start, lambda headers: made_safe(headers, kept_nowhere=api))


def made_safe(headers: Headers, *, kept_nowhere: bool) -> Headers:
    """The headers with ours; `kept_nowhere` forbids browsers to cache the response."""
    policies = [value for name, value in headers if name.lower() == POLICY_HEADER.lower() and "frame-anc" in value]
    rest = without(headers, POLICY_HEADER, *SHARED_WITH_ALL, *(name for name, _ in SAFE))
    cache = [("Cache-Control", "no-store")] if kept_nowhere else []
    return [*rest, *SAFE, (POLICY_HEADER, policies[0] if policies else POLICY), *cache]
