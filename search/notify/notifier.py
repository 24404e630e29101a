"""Sends the notices of a study, each once: the study's database says which were sent."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from search.notify.addresses import VARIABLE, addresses_of
from search.notify.notice import Notice
from storage import SharedStudy
from storage.errors import StorageError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notifier:
    """Sends notices by `send`, which takes a title and a text, and says whether they arrived. None: none is sent."""

    send: Callable[[str, str], bool] | None = None

    def tell(self, shared: SharedStudy, notice: Notice | None) -> None:
        """Sends the notice, unless it is None or was sent before. A notice that can't be sent is left to the next
        process that notices the same: what it is about goes on in any case.
        """
        if self.send is None or notice is None:
            return
        try:
            if shared.notices.claim(notice.kind, notice.occasion) and not _arrived(self.send, notice):
                log.warning("the notice that the study has %s couldn't be sent by %s", _words(notice), VARIABLE)
                shared.notices.give_back(notice.kind, notice.occasion)
        except StorageError as error:
            log.warning("whether a notice was sent isn't known, and none is sent: %s", error)


def notifier_of(environment: Mapping[str, str]) -> Notifier:
    """The notifier that SEARCH_NOTIFY of the environment asks for: see also `require_addresses`."""
    addresses = addresses_of(environment)
    return Notifier(addresses.send if addresses.urls else None)


def _arrived(send: Callable[[str, str], bool], notice: Notice) -> bool:
    try:
        return send(notice.title, notice.text)
    except Exception as error:  # noqa: BLE001 - whatever another program's library raises, the search goes on
        log.debug("sending failed: %s", type(error).__name__)  # its message may have the address in it
        return False


def _words(notice: Notice) -> str:
    return "had no worker for a while" if notice.kind == "no worker" else notice.kind
