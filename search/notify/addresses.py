"""Sends a text to the addresses of SEARCH_NOTIFY by apprise, which knows mail, chats, webhooks and more.

Apprise and the libraries below it log addresses, which hold tokens and passwords: their logs are off meanwhile.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.errors import UsageError

if TYPE_CHECKING:
    from apprise import Apprise

VARIABLE = "SEARCH_NOTIFY"
TALKATIVE = ("apprise", "requests", "requests_oauthlib", "urllib3", "urllib3.connectionpool")
MISSING = f"{VARIABLE} needs apprise, which isn't installed: pip install apprise"


@dataclass(frozen=True)
class Addresses:
    """Where notices go: URLs of apprise, which are secrets."""

    urls: Sequence[str]

    def __repr__(self) -> str:
        """Without the URLs."""
        return f"Addresses({len(self.urls)})"

    def require(self) -> None:
        """Raises UsageError, without naming an address, if apprise is missing or can't send to one of them."""
        with silent():
            unknown = [place for place, url in enumerate(self.urls, start=1) if not _apprise().add(url)]
        if unknown:
            raise UsageError(
                f"{VARIABLE}: apprise can't send to URL {unknown[0]} of {len(self.urls)}. Give its URLs with spaces "
                "between them, such as mailto://… or slack://…: https://appriseit.com/services lists them"
            )

    def send(self, title: str, text: str) -> bool:
        """Sends the text to all of them; returns whether each took it."""
        with silent():
            to = _apprise()
            for url in self.urls:
                to.add(url)
            return bool(to.notify(body=text, title=title, body_format="text"))


def addresses_of(environment: Mapping[str, str]) -> Addresses:
    """What SEARCH_NOTIFY of the environment holds, unchecked."""
    return Addresses(tuple(environment.get(VARIABLE, "").split()))


def require_addresses(environment: Mapping[str, str]) -> None:
    """Raises UsageError if SEARCH_NOTIFY is set, and apprise isn't installed or can't send to one of its URLs."""
    addresses = addresses_of(environment)
    if addresses.urls:
        addresses.require()


def _apprise() -> "Apprise":
    try:
        from apprise import Apprise
    except ImportError as error:
        raise UsageError(MISSING) from error
    return Apprise()


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without the logs of apprise and of what it sends by."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
