"""What of a URL may be shown: everything but what could be a password, whether or not the text is a URL at all.

A password with characters that should have been escaped makes another URL of it, or none. So nothing is parsed: the
text between the first colon after the scheme and the last @ is masked, and so is the value of every option that isn't
known to be harmless. If the end of a password isn't certain, everything after it is masked.
"""

import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

MASK = "***"
SECRET_OPTIONS = ("password", "sslpassword")
SHORTEST_SECRET = 3  # shorter ones stand in too many words to be taken out of a sentence

# Of libpq's options, and those that URLs of other programs have.
HARMLESS = frozenset(
    {
        "application_name",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "fallback_application_name",
        "gssencmode",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "options",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    }
)
URL_FLAGS = frozenset({"--artifact-store", "--mlflow", "--storage"})  # of our commands

DATABASE = r"(?:postgres|postgresql|mysql|mariadb|mssql|oracle)(?:\+\w+)?"
# Of what is known, slashes or the colon may be missing: a mistyped URL has its password all the same.
SCHEME = re.compile(rf"(?:[a-z][\w+.-]*://|(?:{DATABASE}|https?|sqlite):?/+)", re.IGNORECASE)
KNOWN = re.compile(rf"(?:(?:{DATABASE}|https?|s3):?/+)?", re.IGNORECASE)
LONE_USER = re.compile(rf"(?:{DATABASE}:?/+)?", re.IGNORECASE)  # elsewhere what stands alone before the @ is a token
PATH = re.compile(r"(?:sqlite(?:\+\w+)?|file)://(?=/)", re.IGNORECASE)
ADDRESS = re.compile(r"(?:\[[^\]]*\]|[a-z]:(?=[\\/])|[^:]*)(?::\d{1,5}(?=/|$)|$)?[^:]*", re.IGNORECASE)
BOUNDS = re.compile(r"([?#;&\s]+)")
HARMLESS_VALUE = re.compile(r"[\w.,:/+-]*")
PLAIN_VALUE = re.compile(r"[a-z]+(?:-[a-z]+)?|\d{1,5}")  # of options such as sslmode and port
NAME = re.compile(r"[\w-]{1,40}")
SPECIAL = re.compile(r"[@=?#;&:]")
# Whether the last @ ends a user's password or is part of an option's.
AMBIGUOUS = re.compile(r"(?:^\w+|[?#;&\s][^?#;&\s@]*)=.*@", re.DOTALL)
EXAMPLE = re.compile(r"[a-z]+://user:password@host\b[^@]*", re.IGNORECASE)  # in what we say of valid URLs
IN_TEXT = re.compile(r"[a-z][\w+.-]*://\S*@\S*", re.IGNORECASE)


def hide_password(url: str) -> str:
    """The URL, or what was meant to be one, with *** for what could be a password: for people and logs."""
    scheme, rest = _split_scheme(url)
    if not SPECIAL.search(rest):
        return url
    if PATH.match(url):
        path, question, options = rest.partition("?")
        return scheme + path + _without_values(question + options)
    if AMBIGUOUS.search(rest):
        return scheme + _user(scheme, f"{rest}:")
    user, at, place = rest.rpartition("@")
    bound = BOUNDS.search(place)
    address, options = (place[: bound.start()], place[bound.start() :]) if bound else (place, "")
    return scheme + (_user(scheme, user) + at if at else "") + _address(address, at) + _without_values(options)


def hide_in_argument(argument: str) -> str:
    """An argument of a command line, with *** for the password of a URL in it."""
    flag, equals, value = argument.partition("=")
    if equals and flag.startswith("-"):
        return flag + equals + (hide_password(value) if flag in URL_FLAGS else hide_in_argument(value))
    return hide_password(argument) if "://" in argument else argument


def hide_in_arguments(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments of a command line, with *** for the passwords in them."""
    before = ""
    for argument in arguments:
        yield hide_password(argument) if before in URL_FLAGS else hide_in_argument(argument)
        before = argument


def hide_in_command(command: str) -> str:
    """A command line of a shell, with *** for the passwords in it."""
    try:
        typed = shlex.split(command)
    except ValueError:  # nothing that a shell would run
        return hide_in_text(command)
    hidden = list(hide_in_arguments(typed))
    return command if hidden == typed else shlex.join(hidden)


def hide_in_text(text: str, urls: Iterable[str] = ()) -> str:
    """Words of other programs, with *** for the passwords of the URLs in them.

    `urls` are those that may be in it: otherwise a password with spaces in it can't be told from words.
    """
    for secret, masked in (pair for url in urls for pair in _masked_parts(url)):
        for written in {secret, repr(secret)[1:-1], ascii(secret)[1:-1]}:
            text = text.replace(written, masked)
    return IN_TEXT.sub(lambda found: _hide_found(found[0]), text) if "://" in text else text


def secrets(url: "URL") -> list[str]:
    """The secret texts in the URL, to be masked in messages of other programs; the longest first."""
    options = [value for name in SECRET_OPTIONS for value in _values(url, name)]
    found = {text for text in (url.password, *options) if isinstance(text, str) and len(text) >= SHORTEST_SECRET}
    return sorted(found, key=len, reverse=True)


def _masked_parts(url: str) -> Iterator[tuple[str, str]]:
    """What of the URL mustn't be shown, and what is instead: all of it, and its user with what is before the host."""
    scheme, rest = _split_scheme(url)
    user, at, _ = rest.rpartition("@")
    yield url, hide_password(url)
    if at and not PATH.match(url):
        yield user + at, _user(scheme, user) + at


def _hide_found(url: str) -> str:
    return url if EXAMPLE.fullmatch(url) else hide_password(url)


def _values(url: "URL", name: str) -> tuple[str, ...]:
    given = url.query.get(name, ())
    return (given,) if isinstance(given, str) else given


def _split_scheme(url: str) -> tuple[str, str]:
    found = PATH.match(url) or SCHEME.match(url)
    end = found.end() if found else 0
    return url[:end], url[end:]


def _user(scheme: str, given: str) -> str:
    """What stands before the @, without what could be a password."""
    name = "".join(itertools.takewhile(lambda letter: letter.isalnum() or letter in "_.+-", given))
    rest = given.removeprefix(name)
    if not (KNOWN if rest.startswith(":") else LONE_USER).fullmatch(scheme):
        return MASK
    return f"{name}{':' if rest.startswith(':') else ''}{MASK}" if rest else name


def _address(address: str, at: str) -> str:
    """What stands before the options; without an @, it may be a user with a password."""
    if "=" in address:
        return _option(address, shown=True)
    if at or ADDRESS.fullmatch(address) or not address.strip(":"):
        return address
    return f"{address.partition(':')[0]}:{MASK}"


def _without_values(options: str) -> str:
    """The options with the bounds between them. What follows on a masked value may be a part of it."""
    shown, parts = True, list[str]()
    for part in BOUNDS.split(options):
        found = part if BOUNDS.fullmatch(part) else _option(part, shown=shown)
        shown = shown and MASK not in found
        parts.append(found)
    return "".join(parts)


def _option(option: str, *, shown: bool) -> str:
    name, equals, value = option.partition("=")
    harmless = HARMLESS_VALUE if shown else PLAIN_VALUE
    if not option or (name.lower() in HARMLESS and harmless.fullmatch(value)):
        return option
    return f"{name}={MASK}" if equals and shown and NAME.fullmatch(name) else MASK
