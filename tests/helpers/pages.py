"""Pages in a browser that note what goes wrong in them."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from playwright.sync_api import Page

LOCAL = ("data:", "blob:", "file:", "about:")


@dataclass
class Trouble:
    """What a page said on its console as an error, and the addresses that it asked for."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """The requests that left this machine."""
        own = (*LOCAL, "http://127.0.0.1:", "http://localhost:")
        return [url for url in self.requests if not url.startswith(own)]


@dataclass(frozen=True)
class Watched:
    """A page and what it has said so far."""

    page: Page
    trouble: Trouble


class OpenPage(Protocol):
    """Makes a page to go anywhere with; the settings are those of playwright's `new_context`."""

    def __call__(self, **settings: Any) -> Watched: ...
