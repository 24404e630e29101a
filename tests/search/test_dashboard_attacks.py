"""A dashboard that strangers reach: guessing its login, and holding its connections, gets them nowhere."""

import contextlib
import io
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from waitress import create_server

from search.errors import UsageError
from search.web import serving
from search.web.login import COOKIE, Credentials, Login
from search.web.throttle import FIRST_WAIT_S, FREE_TRIES, LONGEST_WAIT_S, MOST_ADDRESSES, Throttle

SECRET = "a-long-secret"  # noqa: S105 - of nothing
HALF_SENT = 150


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def login(clock: Clock) -> Login:
    def inside(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b"inside"]

    return Login(inside, Credentials(SECRET), Throttle(clock))


def ask(
    login: Login, path: str = "/", *, method: str = "GET", body: str = "", address: str = "1.2.3.4", **given: str
) -> Any:
    """Status, headers and body of an answer."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "REMOTE_ADDR": address,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body.encode()),
        **{f"HTTP_{name.upper()}": value for name, value in given.items()},
    }
    setup_testing_defaults(environ)
    begun: list[Any] = []
    content = b"".join(login(environ, lambda *answer: begun.append(answer)))  # type: ignore[arg-type]
    return int(begun[-1][0][:3]), dict(begun[-1][1]), content


def guess(login: Login, **given: str) -> int:
    status: int = ask(login, "/login", method="POST", body="secret=wrong", **given)[0]
    return status


def test_guessing_takes_longer_each_time_and_others_do_not_wait(login: Login, clock: Clock) -> None:
    assert [guess(login) for _ in range(FREE_TRIES)] == [401] * FREE_TRIES
    status, headers, _ = ask(login, "/login", method="POST", body=f"secret={SECRET}")
    assert (status, headers["Retry-After"]) == (429, str(int(FIRST_WAIT_S)))
    assert ask(login, "/login", method="POST", body=f"secret={SECRET}", address="5.6.7.8")[0] == 303
    waits = []
    for _ in range(8):
        clock.now += login.throttle.wait_s("1.2.3.4")
        assert guess(login) == 401
        waits.append(login.throttle.wait_s("1.2.3.4"))
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_tokens_of_scripts_are_counted_as_well(login: Login) -> None:
    statuses = [ask(login, authorization="Bearer wrong")[0] for _ in range(FREE_TRIES + 1)]
    assert statuses == [401] * FREE_TRIES + [429]


def test_a_user_who_is_logged_in_stays_so_whatever_others_try_from_the_same_address(login: Login) -> None:
    cookie = ask(login, "/login", method="POST", body=f"secret={SECRET}")[1]["Set-Cookie"].partition(";")[0]
    for _ in range(FREE_TRIES + 3):
        guess(login)
    assert ask(login, cookie=cookie)[2] == b"inside"


def test_the_right_login_forgets_the_wrong_ones(login: Login) -> None:
    for _ in range(3):
        assert [guess(login) for _ in range(FREE_TRIES - 1)] == [401] * (FREE_TRIES - 1)
        assert ask(login, authorization=f"Bearer {SECRET}")[0] == 200


def test_wrong_logins_are_logged_with_their_address_and_without_what_was_tried(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        guess(login)
    assert "a login from 1.2.3.4 was wrong" in caplog.text
    assert "secret=wrong" not in caplog.text


def test_many_addresses_take_no_more_memory_than_a_few(clock: Clock) -> None:
    throttle = Throttle(clock)
    for number in range(MOST_ADDRESSES + 50):
        throttle.failed(str(number))
    assert throttle.wait_s("0") == 0
    assert len(throttle._failures) == MOST_ADDRESSES


def test_however_often_an_address_is_wrong_it_waits_and_is_remembered(clock: Clock) -> None:
    throttle = Throttle(clock)
    for _ in range(3000):
        throttle.failed("1.2.3.4")
        clock.now += throttle.wait_s("1.2.3.4")
    throttle.failed("1.2.3.4")
    assert throttle.wait_s("1.2.3.4") == LONGEST_WAIT_S


@pytest.mark.parametrize("given", ["me:a-long-secret\udcff", "\udcff" * 20, "m\udcff:a-long-secret"])
def test_a_login_that_cannot_be_typed_is_refused_at_the_start(given: str) -> None:
    with pytest.raises(UsageError, match="isn't UTF-8 text"):
        Credentials.parse(given)


def test_logging_out_takes_a_button_and_ends_the_cookie(login: Login) -> None:
    assert b'<form method="post" action="/logout">' in ask(login, "/logout")[2]
    status, headers, _ = ask(login, "/logout", method="POST")
    assert status == 303
    assert headers["Set-Cookie"].startswith(f"{COOKIE}=; ")
    assert "Max-Age=0" in headers["Set-Cookie"]


@contextlib.contextmanager
def dashboard(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A real one, on a port of its own."""
    command = [
        sys.executable,
        "-m",
        "search.dashboard",
        "--storage",
        f"sqlite:///{tmp_path / 'none.db'}",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            yield "127.0.0.1", int(line.partition("127.0.0.1:")[2].split("/")[0].split(".")[0].split(",")[0])
        finally:
            process.kill()


def test_requests_that_are_begun_and_never_finished_do_not_keep_others_out(tmp_path: Path) -> None:
    with dashboard(tmp_path) as address, contextlib.ExitStack() as held:
        for _ in range(HALF_SENT):
            connection = held.enter_context(socket.create_connection(address, timeout=10))
            connection.sendall(b"GET /healthy HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half")
        asking = HTTPConnection(*address, timeout=10)
        asking.request("GET", "/healthy")
        assert asking.getresponse().status in (200, 503)
        asking.close()


def test_a_request_that_stays_silent_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SILENCE_S", 1)
    monkeypatch.setattr(serving, "CLEANUP_S", 1)
    listener = serving.listen("127.0.0.1", 0)

    def app(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b""]

    server = create_server(app, sockets=[listener], **serving.patience())
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with socket.create_connection(listener.getsockname(), timeout=10) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        assert silent.recv(1) == b""
    server.close()
