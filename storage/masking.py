"""What of a URL may be shown: everything but what could be a password, whether or not the text is a URL at all.

A password with characters that should have been escaped makes another URL of it, or none. So nothing is parsed: what
stands between the first colon after the scheme and the last @ is masked, and so is the value of every option that isn't
known to be harmless.
"""

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


def hide_password(url: str) -> str:
    """The URL, or what was meant to be one, with *** for what could be a password: for people and logs."""
    shown, rest = _up_to_password(url)
    place, question, options = rest.partition("?")
    return shown + place + question + "&".join(map(_without_value, options.split("&")))


def hide_in_argument(argument: str) -> str:
    """An argument of a command line, with *** for the password of a URL in it."""
    flag, equals, value = argument.partition("=")
    if equals and flag.startswith("-"):
        return flag + equals + hide_in_argument(value)
    return hide_password(argument) if "://" in argument else argument


def secrets(url: URL) -> list[str]:
    """The texts in the URL that nobody may see, in messages of others."""
    found = [url.password, *(url.query.get(option) for option in SECRET_OPTIONS)]
    return [text for text in found if isinstance(text, str) and len(text) >= SHORTEST_SECRET]


def _up_to_password(url: str) -> tuple[str, str]:
    """The URL up to its masked password, and what comes after that: all of it where there can't be one."""
    start = _end_of_scheme(url)
    is_path = url[:start].lower().startswith("sqlite") and url[start : start + 1] == "/"
    colon, end = url.find(":", start), url.rfind("@")
    if is_path or colon == -1 or end < colon:
        return "", url
    return url[: colon + 1] + MASK, url[end:]


def _end_of_scheme(place: str) -> int:
    end = place.find("://")
    return end + len("://") if end != -1 and place[:end].replace("+", "").isalnum() else 0


def _without_value(option: str) -> str:
    name, equals, _ = option.partition("=")
    return option if not equals or name.lower() in HARMLESS else f"{name}={MASK}"
