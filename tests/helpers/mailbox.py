"""A web server of this machine that keeps the notices it gets."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

SECRET = "t0ken"  # noqa: S105 - of no account


@dataclass
class Mailbox:
    """The notices that have arrived, by title, with their texts; `url` is its address for apprise, with a secret in it.
    While it is `closed`, it refuses all.
    """

    url: str = ""
    closed: bool = False
    notices: list[tuple[str, str]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        """The titles of the notices, in order."""
        return [title for title, _ in self.notices]


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mailbox, within the block."""
    box = Mailbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            notice = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            if not box.closed:
                box.notices.append((notice["title"], notice["message"]))
            self.send_response(503 if box.closed else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        box.url = f"json://127.0.0.1:{server.server_port}/{SECRET}"
        yield box
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
