"""Trainer servers that outlive their launch: who finds them, what they keep of a launch, and when they end."""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from search.errors import UsageError
from search.host.exit_codes import EXIT_USAGE
from search.host.gpus import installed_gpus
from search.host.private_folder import PRIVATE
from search.stop import main as stop
from search.trainers import warm_servers
from search.trainers.requests import BUSY_S, Describe, ServerState, receive_state, send_control
from search.trainers.server_finding import servers_finding
from search.trainers.server_folder import ServerFolder, server_folder
from search.trainers.server_key import server_environment, server_key
from search.trainers.serving import server_descriptor, trainer_server
from search.trainers.warm_servers import connect_to_warm
from tests.helpers.launches import PrepareStudy, StartLaunch
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(installed_gpus()), reason="no server forks trainers where there is a GPU")

LONG_S = 600.0

# The real server, but for the import that takes it seconds.
QUICK = """
import sys
from search import trainer_server as server
server.import_keras = lambda: None
server.main(sys.argv[2:])
"""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's runtime folder, in which no server is, and afterwards none is left."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=PRIVATE)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f"--folder={server_folder()}" in process.cmdline():
                process.kill()


@pytest.fixture
def quick(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, for servers that import no Keras."""
    monkeypatch.setattr(warm_servers, "COMMAND", (sys.executable, "-P", "-c", QUICK, warm_servers.PROGRAM))
    return runtime


def state_of(connection: socket.socket | None) -> ServerState:
    """What the server at the other end says of itself."""
    assert connection is not None, "there is no server"
    with connection:
        connection.settimeout(BUSY_S)
        send_control(connection, Describe())
        state = receive_state(connection)
    assert state is not None, "the server has ended"
    return state


def is_found() -> bool:
    """Whether a launch that asks for nothing finds a server."""
    connection = connect_to_warm(None)
    if connection is not None:
        connection.close()
    return connection is not None


def suspend(process: psutil.Process) -> None:
    process.suspend()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "the server to be suspended")


def stopped(*arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(stop, list(arguments))


def test_a_kept_server_serves_the_next_launch_whether_that_asks_for_one_or_not(quick: Path) -> None:
    first = state_of(connect_to_warm(LONG_S))
    second = state_of(connect_to_warm(None))
    assert (second.pid, second.leaves_after_s) == (first.pid, LONG_S)
    assert state_of(connect_to_warm(2 * LONG_S)).leaves_after_s == 2 * LONG_S


def test_without_being_asked_for_nothing_stays(quick: Path) -> None:
    assert not is_found()
    assert connect_to_warm(0.0) is None
    assert list(quick.iterdir()) == []


def test_it_leaves_when_it_has_been_idle_for_as_long_as_was_asked(quick: Path) -> None:
    process = psutil.Process(state_of(connect_to_warm(0.1)).pid)
    wait_until(lambda: not process.is_running(), "the server to leave")
    assert not is_found()


def test_it_stays_as_long_as_a_launch_uses_it(quick: Path) -> None:
    with trainer_server(keep_warm_s=0.01):
        state = state_of(connect_to_warm(None))
        assert state.launches == 1
    wait_until(lambda: not psutil.pid_exists(state.pid), "the server to leave")


def test_two_launches_that_begin_at_once_share_one(quick: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: connect_to_warm(LONG_S), range(4)))
    assert len({state_of(connection).pid for connection in found}) == 1


def test_a_killed_server_is_replaced_if_one_is_wanted_and_done_without_if_not(quick: Path) -> None:
    killed = psutil.Process(state_of(connect_to_warm(LONG_S)).pid)
    killed.kill()
    killed.wait()
    assert not is_found()
    assert state_of(connect_to_warm(LONG_S)).pid != killed.pid


def test_a_suspended_server_is_replaced_too(quick: Path) -> None:
    suspended = psutil.Process(state_of(connect_to_warm(LONG_S)).pid)
    suspend(suspended)
    assert not is_found()
    other = state_of(connect_to_warm(LONG_S))
    assert other.pid != suspended.pid
    suspended.resume()
    suspended.send_signal(signal.SIGTERM)
    wait_until(lambda: not suspended.is_running(), "the first server to leave")
    assert state_of(connect_to_warm(None)).pid == other.pid, "it has removed its successor's socket"


def test_a_signal_to_all_of_a_job_ends_it_once_its_launch_is_done(quick: Path) -> None:
    with trainer_server(keep_warm_s=LONG_S):
        process = psutil.Process(state_of(connect_to_warm(None)).pid)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not is_found(), "the server to let no more in")
        assert process.is_running()
        assert server_descriptor() is not None
    wait_until(lambda: not process.is_running(), "the server to leave")


def test_nothing_of_the_launch_stays_with_it(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEARCH_STORAGE", "PGPASSWORD", "MY_OWN_TOKEN", "KERAS_HUB_TOKEN", "TF_VAR_database"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.db").touch()
    with (tmp_path / "study.db").open() as held:
        os.set_inheritable(held.fileno(), True)
        server = state_of(connect_to_warm(LONG_S)).pid
    proc = Path(f"/proc/{server}")
    assert b"hunter2" not in (proc / "environ").read_bytes()
    assert (proc / "cwd").readlink() == Path("/")
    targets = {str(one.readlink()) for one in (proc / "fd").iterdir()}
    ours = {"/dev/null", "anon_inode:[eventpoll]", str(server_folder())}
    assert {target for target in targets if not target.startswith(("socket:", "pipe:"))} <= ours
    assert os.getsid(server) == server


@pytest.mark.parametrize("spoiled", [lambda folder: folder.mkdir(mode=0o755), Path.touch], ids=["open", "a file"])
def test_a_folder_that_others_may_use_is_refused_if_asked_for_and_passed_over_otherwise(
    quick: Path, spoiled: Callable[[Path], None]
) -> None:
    spoiled(server_folder())
    with pytest.raises(UsageError, match="can't be used for trainer servers"):
        connect_to_warm(LONG_S)
    assert not is_found()
    assert servers_finding().verdict == "note"
    assert stopped("--server").exit_code == EXIT_USAGE


def test_a_runtime_folder_of_another_kind_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert server_folder().name == f"keras-image-search-{os.geteuid()}"


def test_the_server_of_another_user_is_not_used(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_of(connect_to_warm(LONG_S))
    monkeypatch.setattr("search.trainers.server_folder._credentials", lambda _: (1, os.geteuid() + 1, 1))
    assert not is_found()


def test_a_socket_that_no_other_user_may_use(quick: Path) -> None:
    state_of(connect_to_warm(LONG_S))
    (made,) = server_folder().glob("*.sock")
    assert made.stat().st_mode & 0o777 == 0o600
    assert server_folder().stat().st_mode & 0o777 == PRIVATE


SAME = [{"SEARCH_STORAGE": "postgresql://me:secret@db/x"}, {"OLDPWD": "/"}, {"PGPASSWORD": "secret"}]
OTHER = [
    {"CUDA_VISIBLE_DEVICES": "-1"},
    {"KERAS_HOME": "/elsewhere"},
    {"OMP_NUM_THREADS": "7"},
    {"PYTHONPATH": "/elsewhere"},
    {"SEARCH_THREADS": "3"},
    {"SEARCH_XLA": "1"},
    {"TF_ENABLE_ONEDNN_OPTS": "0"},
]


@pytest.mark.parametrize("change", SAME, ids=str)
def test_what_a_trainer_gets_from_its_request_is_not_in_the_key(change: Mapping[str, str]) -> None:
    assert server_key({"HOME": "/home/me", **change}) == server_key({"HOME": "/home/me"})
    assert not server_environment(change)


@pytest.mark.parametrize("change", OTHER, ids=str)
def test_what_an_import_reads_is(change: Mapping[str, str]) -> None:
    assert server_key({"HOME": "/home/me", **change}) != server_key({"HOME": "/home/me"})


def test_what_processes_inherit_is_in_the_key_too() -> None:
    before = server_key({})
    mask = os.umask(0o077)
    try:
        assert server_key({}) != before
    finally:
        os.umask(mask)
    assert server_key({}) == before


def test_relative_folders_of_modules_are_those_of_the_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert server_environment({"PYTHONPATH": "mine:/theirs:"}) == {"PYTHONPATH": f"{tmp_path}/mine:/theirs:{tmp_path}"}


def test_the_doctor_shows_servers_and_stop_ends_them(quick: Path) -> None:
    state = state_of(connect_to_warm(LONG_S))
    found = servers_finding()
    assert found.verdict == "ok"
    assert f"process {state.pid}" in found.found
    assert "idle, leaves in" in found.found
    assert "Ended 1 trainer server; 0 will leave" in stopped("--server").output
    wait_until(lambda: not psutil.pid_exists(state.pid), "the server to leave")
    assert "Ended 0 trainer servers;" in stopped("--server").output
    assert "no launch has left" in servers_finding().found


def test_stop_leaves_a_server_to_its_launch_and_kills_one_that_does_not_answer(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trainer_server(keep_warm_s=LONG_S):
        used = psutil.Process(state_of(connect_to_warm(None)).pid)
        assert "Ended 0 trainer servers; 1 will leave" in stopped("--server").output
        assert used.is_running()
    wait_until(lambda: not used.is_running(), "the server to leave")
    suspended = psutil.Process(state_of(connect_to_warm(LONG_S)).pid)
    suspend(suspended)
    monkeypatch.setattr(warm_servers, "ANSWER_S", 0.1)
    assert "doesn't answer" in servers_finding().found
    assert "Ended 1 trainer server;" in stopped("--server").output
    wait_until(lambda: not suspended.is_running(), "the server to be killed")
    assert "Ended 0 trainer servers;" in stopped("--server").output
    assert list(server_folder().glob("*.sock")) == []


def test_a_lock_that_is_held_for_long_keeps_no_launch_waiting(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_of(connect_to_warm(LONG_S))
    monkeypatch.setattr(warm_servers, "LOCK_S", 0.05)
    folder = ServerFolder.open(create=False)
    assert folder is not None
    with folder, folder.locked(1.0):
        assert connect_to_warm(LONG_S) is None


def test_it_cannot_be_kept_for_another_backend(
    quick: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with trainer_server(keep_warm_s=LONG_S):
        assert server_descriptor() is None
    assert "--keep-warm has no effect" in caplog.text
    assert list(quick.iterdir()) == []


def test_a_launch_leaves_its_server_to_the_next(launch: StartLaunch, prepared: PrepareStudy, runtime: Path) -> None:
    study = prepared(n_trials=1, epochs=1, limit_train=200)
    flags = (*study.arguments, "--n-workers=1", "--answer=off")
    first = launch(*flags, "--keep-warm", "10m", own_server=True)
    first.finish()
    assert first.code == 0, first.errors
    (left,) = warm_servers.warm_servers()
    assert left.state is not None
    assert (left.state.launches, left.state.leaves_after_s) == (0, 600.0)
    again = launch(*flags, "--n-trials", 2, own_server=True)
    (trainer,) = wait_until(psutil.Process(left.state.pid).children, "a trainer of the server")
    wait_until(lambda: Path(trainer.cwd()) == again.folder, "the trainer to go where its launch was called")
    again.finish()
    assert again.code == 0, again.errors
    assert study.epochs() == 2
