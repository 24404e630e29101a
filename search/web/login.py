"""The login: a form that sets a cookie for browsers, the same token or password in a header for scripts.

The cookie is signed with the login itself. It is valid until it expires, even if the dashboard restarts, and becomes
invalid when the login is changed.
"""

import base64
import binascii
import hashlib
import hmac
import html
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Self
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.console.outside_text import is_text
from search.errors import UsageError
from search.web import answers
from search.web.throttle import Throttle

VARIABLE = "SEARCH_DASHBOARD_LOGIN"
SHORTEST = 12
COOKIE = "search_dashboard"
SESSION_S = 7 * 24 * 3600
LONGEST_FORM = 4096
LOG_OUT = (
    '<form method="post" action="/logout"><button>Log out</button></form><p><a href="/">Back to the searches</a></p>'
)
PAGES = re.compile(r"(/[\w-]+)+/?")


@dataclass(frozen=True)
class Credentials:
    """The login: a password with its user, or a token, which has no user."""

    secret: str
    user: str | None = None

    @classmethod
    def parse(cls, given: str) -> Self:
        """Parses TOKEN or USER:PASSWORD from the environment.

        Raises:
            UsageError: it is too short to be safe, or can't be sent by a browser.
        """
        if not is_text(given):
            raise UsageError(f"{VARIABLE} isn't UTF-8 text: no browser could send it. Give another one")
        user, colon, secret = given.partition(":")
        found = cls(secret, user) if colon else cls(given)
        if len(found.secret) < SHORTEST or found.user == "":
            raise UsageError(
                f"{VARIABLE} must be a token or USER:PASSWORD, with {SHORTEST} characters or more for the secret; "
                "python -c 'import secrets; print(secrets.token_urlsafe())' makes a good token"
            )
        return found

    def match(self, user: str, secret: str) -> bool:
        """Whether user and secret are right, in constant time. A token is valid with any user."""
        same_user = self.user is None or hmac.compare_digest(user.encode(), self.user.encode())
        return hmac.compare_digest(secret.encode(), self.secret.encode()) and same_user

    def sign(self, expires: int) -> str:
        """The cookie of a login that is valid until then, in Unix seconds."""
        key = f"{self.user or ''}:{self.secret}".encode()
        return f"{expires}.{hmac.new(key, f'session {expires}'.encode(), hashlib.sha256).hexdigest()}"

    def accepts(self, session: str, now: float) -> bool:
        """Whether that is what `sign` made, and hasn't expired."""
        expires = session.partition(".")[0]
        if not (expires.isascii() and expires.isdecimal() and len(expires) < 12):
            return False
        return hmac.compare_digest(session.encode(), self.sign(int(expires)).encode()) and int(expires) > now


@dataclass(frozen=True)
class Login:
    """Passes on requests with a login or credentials, and asks for them otherwise. `/logout` ends a browser's login,
    with a button, as another site could make the browser open a link.
    """

    app: WSGIApplication
    credentials: Credentials
    throttle: Throttle = field(default_factory=Throttle)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        sent = environ["REQUEST_METHOD"] == "POST"
        if environ["PATH_INFO"] == "/logout":
            return log_out(start) if sent else answers.page(start, "200 OK", "Searches: log out", LOG_OUT)
        logs_in = environ["PATH_INFO"] == "/login"
        if not logs_in and self._brings_session(environ):
            return self.app(environ, start)
        tries = (logs_in and sent) or bool(environ.get("HTTP_AUTHORIZATION"))
        if tries and (wait := self.throttle.wait_s(address_of(environ))) > 0:
            return too_many(start, wait)
        if logs_in:
            return self._log_in(environ, start) if sent else self._ask(start, "/")
        if tries and self._brings_credentials(environ):
            return self.app(environ, start)
        if answers.wants_page(environ):
            return self._ask(start, environ["PATH_INFO"])
        # Not Basic: the browser would show its own dialog whenever a session has expired.
        challenge = [("WWW-Authenticate", 'Bearer realm="search.dashboard"')]
        return answers.json(start, "401 Unauthorized", {"reason": "Log in first: open this address."}, challenge)

    def _brings_session(self, environ: WSGIEnvironment) -> bool:
        try:
            cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        except CookieError:
            return False
        return COOKIE in cookies and self.credentials.accepts(cookies[COOKIE].value, time.time())

    def _brings_credentials(self, environ: WSGIEnvironment) -> bool:
        return self._noted(environ, self._authorizes(environ))

    def _noted(self, environ: WSGIEnvironment, right: bool) -> bool:
        """Whether an attempt was right, which is recorded for its address."""
        (self.throttle.succeeded if right else self.throttle.failed)(address_of(environ))
        return right

    def _authorizes(self, environ: WSGIEnvironment) -> bool:
        scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.credentials.user is None and self.credentials.match("", value.strip())
        if scheme.lower() != "basic":
            return False
        try:
            user, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self.credentials.match(user, secret)

    def _log_in(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        form = read_form(environ)
        goal = form.get("next", "")
        if not self._noted(environ, self.credentials.match(form.get("user", ""), form.get("secret", ""))):
            return self._ask(start, goal, "That is wrong. Try again.")
        session = self.credentials.sign(int(time.time()) + SESSION_S)
        cookie = f"{COOKIE}={session}; Path=/; Max-Age={SESSION_S}; HttpOnly; SameSite=Strict"
        place = goal if PAGES.fullmatch(goal) else "/dashboard"
        return answers.text(start, "303 See Other", "Welcome.", [("Location", place), ("Set-Cookie", cookie)])

    def _ask(self, start: StartResponse, goal: str, wrong: str = "") -> Iterable[bytes]:
        user = '<label>User<input name="user" autocomplete="username" autofocus required></label>'
        name, focus = ("Password", "") if self.credentials.user is not None else ("Token", " autofocus")
        body = (
            f'<p class="wrong" role="alert">{wrong}</p>'
            '<form method="post" action="/login">'
            f'<input type="hidden" name="next" value="{html.escape(goal)}">'
            f"{user if self.credentials.user is not None else ''}"
            f'<label>{name}<input name="secret" type="password" autocomplete="current-password" required{focus}>'
            "</label>"
            "<button>Log in</button></form>"
            f"<p>The person who started this dashboard knows it: it is in <code>{VARIABLE}</code> there.</p>"
        )
        return answers.page(start, "401 Unauthorized", "Searches: log in", body)


def address_of(environ: WSGIEnvironment) -> str:
    """Where a request is from."""
    return str(environ.get("REMOTE_ADDR", "an unknown address"))


def too_many(start: StartResponse, wait_s: float) -> Iterable[bytes]:
    """The response to an address with too many failed logins."""
    seconds = math.ceil(wait_s)
    words = f"Too many logins from this address were wrong. Try again in {seconds} s."
    return answers.text(start, "429 Too Many Requests", words, [("Retry-After", str(seconds))])


def log_out(start: StartResponse) -> Iterable[bytes]:
    """Removes the browser's cookie."""
    cookie = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    return answers.text(start, "303 See Other", "Good-bye.", [("Location", "/login"), ("Set-Cookie", cookie)])


def read_form(environ: WSGIEnvironment) -> dict[str, str]:
    """The fields of a submitted form; empty if it isn't a form, or is longer than ours can be."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LONGEST_FORM:
        return {}
    body = environ["wsgi.input"].read(int(length)).decode("ascii", errors="replace")
    return {name: values[0] for name, values in parse_qs(body).items()}
