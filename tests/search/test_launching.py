"""What a launch does about its workers and its study while it watches them."""

import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import optuna
import psutil
import pytest

from search.host.ends import End
from search.host.exit_codes import CODES
from search.launching.running import divide_places, is_over, write_up
from search.workers.placement import WorkerPlacement
from search.workers.pool import RESTARTS, WorkerPool
from search.workers.settings import WorkerSettings
from storage import SharedStudy, create_study, open_study
from storage.records import SlotOrder, WorkerInfo
from tests.helpers.lab import Lab
from tests.helpers.launches import PrepareStudy, StartLaunch
from tests.helpers.processes import kill_child
from tests.helpers.waiting import wait_until

PLACE = WorkerPlacement("cpu", {"CUDA_VISIBLE_DEVICES": "-1"})


def pool_on(lab: Lab, *arguments: str) -> WorkerPool:
    return WorkerPool(arguments, [PLACE], lab.url, lab.folder / "logs")


@pytest.fixture
def shared(lab: Lab) -> SharedStudy:
    return lab.study(3)


@pytest.fixture
def pool(lab: Lab, shared: SharedStudy) -> Iterator[WorkerPool]:
    """A pool of one worker of the study, which is started and hasn't had the time to do anything."""
    with pool_on(lab, f"--study-name={shared.name}") as made:
        made.start()
        yield made
        made.kill()


def test_a_launch_waits_for_the_replacement_of_a_worker_that_was_killed(shared: SharedStudy, pool: WorkerPool) -> None:
    kill_child(*pool.pids())
    assert not is_over(shared, pool)
    pool.replace_dead()
    assert not is_over(shared, pool)
    assert pool.alive() == 1


def test_workers_that_are_killed_again_and_again_are_given_up(shared: SharedStudy, pool: WorkerPool) -> None:
    for _ in range(RESTARTS + 1):
        kill_child(*pool.pids())
        pool.replace_dead()
    assert (pool.alive(), pool.failure) == (0, End.FAILED)
    assert is_over(shared, pool)


def test_workers_that_are_killed_while_the_study_gets_further_are_replaced_without_end(pool: WorkerPool) -> None:
    for epochs in range(RESTARTS + 3):
        kill_child(*pool.pids())
        pool.replace_dead(partial(int, epochs))
    assert (pool.alive(), pool.failure) == (1, End.DONE)


def test_a_worker_that_runs_without_being_heard_of_is_told_of_once_with_what_it_says(
    pool: WorkerPool, caplog: pytest.LogCaptureFixture
) -> None:
    (pid,) = pool.pids()
    (written,) = pool.logs.iterdir()
    written.write_text("disk I/O error; trying again in 5.0 s")
    for _ in range(3):
        pool.tell_of_silent({pid: 21.4})
    (told,) = caplog.messages
    assert told.startswith(f"worker {pid} runs, and the database hasn't heard of it for 21 s; the end of {written}:")
    assert "disk I/O error" in told
    pool.tell_of_silent({})
    pool.tell_of_silent({pid: 20.0})
    assert len(caplog.messages) == 2


def test_all_workers_may_be_killed_at_once(lab: Lab) -> None:
    lab.study(3)
    with WorkerPool(["--study-name=study"], [PLACE] * (RESTARTS + 2), lab.url, lab.folder / "logs") as pool:
        pool.start()
        for pid in pool.pids():
            kill_child(pid)
        pool.replace_dead()
        assert (pool.alive(), pool.failure) == (RESTARTS + 2, End.DONE)
        pool.kill()


def test_a_worker_that_cannot_reach_the_database_is_replaced(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.study(3)
    away = "postgresql://user@/none?host=/nowhere"
    with WorkerPool(["--study-name=study", "--wait=0"], [PLACE], away, lab.folder / "logs") as pool:
        pool.start()
        (first,) = pool.pids()
        wait_until(lambda: not pool.pids(), "the worker to give up")
        assert pool.alive() == 1
        pool.replace_dead()
        assert pool.pids() != [first]
        assert pool.failure is End.DONE
    assert "a worker couldn't reach the database: starting another" in caplog.text


def test_no_worker_is_started_when_time_is_out(lab: Lab) -> None:
    lab.study(3)
    with WorkerPool(["--study-name=study"], [PLACE], lab.url, lab.folder / "logs", timeout=1e-9) as pool:
        pool.start()
        assert (pool.alive(), pool.left_early) == (0, True)


def test_a_launch_waits_for_workers_that_others_started(lab: Lab) -> None:
    shared = lab.study(3)
    empty = pool_on(lab)
    assert is_over(shared, empty)
    shared.workers.register(WorkerInfo("elsewhere-1", "elsewhere", 1))
    assert not is_over(shared, empty)
    shared.workers.leave("elsewhere-1", "nothing left to do")
    assert is_over(shared, empty)


def test_no_more_workers_are_started_than_there_are_trials_to_do(lab: Lab) -> None:
    shared, asked = lab.study(2), WorkerSettings(n_workers=3)
    assert [len(places) for places in divide_places(asked, shared)] == [2, 0]
    lab.work()
    assert divide_places(asked, shared) == ([], [])


@pytest.mark.parametrize("buried", [True, False])
def test_a_worker_of_this_host_that_is_no_process_any_more_is_not_waited_for(buried: bool, lab: Lab) -> None:
    shared = lab.study(3)
    child = psutil.Popen(["true"])
    wait_until(lambda: child.status() == psutil.STATUS_ZOMBIE, "its end")
    if buried:
        child.wait()
    shared.workers.register(WorkerInfo("here-1", socket.gethostname(), child.pid))
    assert is_over(shared, pool_on(lab))
    child.wait()


def test_the_workers_of_a_stopped_study_may_finish_what_they_have_in_hand(
    shared: SharedStudy, pool: WorkerPool
) -> None:
    shared.ledger.stop("enough")
    assert not is_over(shared, pool)


def test_a_study_without_anything_to_do_is_over_at_once(lab: Lab) -> None:
    shared = lab.study(0)
    with pool_on(lab, f"--study-name={shared.name}") as pool:
        pool.start()
        assert is_over(shared, pool)
        pool.kill()


def test_figures_are_stored_once_all_trials_are_done_and_storing_them_again_is_harmless(lab: Lab) -> None:
    shared = lab.study(2)
    folder = lab.files(shared)
    write_up(shared, folder)
    assert figure_names(shared) == set()
    lab.work()
    for _ in range(2):
        write_up(shared, folder)
        assert figure_names(shared) == {"history"}


def figure_names(shared: SharedStudy) -> set[str]:
    attributes = shared.trials.storage.get_study_system_attrs(shared.study_id)
    return {name.split(":")[2] for name in attributes if name.startswith("dashboard:plot_data:")}


def test_the_last_words_of_a_worker_that_cannot_work_are_passed_on(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.study(3)
    with pool_on(lab, "--study-name=none", "--wait=0") as pool:
        pool.start()
        wait_until(lambda: not pool.alive(), "the worker to give up")
        pool.note_exits()
    assert pool.failure is End.WRONG_INPUT
    assert "there is no study 'none'; there are: study" in caplog.text


def test_the_url_of_the_storage_is_in_no_argument_of_a_worker(lab: Lab, pool: WorkerPool) -> None:
    (worker,) = pool.pids()
    assert lab.url not in " ".join(psutil.Process(worker).cmdline())


@pytest.mark.parametrize("successor", [None, "study", "another"])
def test_a_launch_whose_study_is_deleted_ends_with_the_reason_and_leaves_no_process_and_its_successor_alone(
    successor: str | None, launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(n_trials=2, epochs=5000, limit_train=200)
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    running.descendants()
    with study.open() as shared:
        optuna.delete_study(study_name=study.name, storage=shared.trials.storage)
    if successor is not None:
        manifest = msgspec.structs.replace(shared.manifest, space="optimizer")
        with create_study(study.url, successor, manifest) as other:
            other.ledger.order_up_to(2, order_of=SlotOrder)
    running.finish()
    logs = "".join(path.read_text() for path in Path(running.folder).rglob("*.log"))
    assert running.code == 2, running.errors
    assert "the study was deleted while it was in use" in running.errors
    assert "Traceback" not in running.errors + logs
    wait_until(lambda: not running.descendants(), "its processes to be gone")
    if successor is not None:
        with open_study(study.url, successor) as other:
            assert (other.study.get_trials(), other.workers.all(), other.ledger.counts().waiting) == ([], [], 2)


def test_a_shutdown_is_asked_for_by_a_signal_and_the_handlers_are_put_back() -> None:
    from search.host.shutdown import Shutdown

    before = signal.getsignal(signal.SIGTERM)
    with Shutdown() as shutdown:
        before_it = shutdown.requested
        signal.raise_signal(signal.SIGTERM)
        assert (before_it, shutdown.requested, shutdown.wait(0)) == (False, True, True)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)])
def test_an_exit_code_tells_ctrl_c_from_a_process_manager(number: signal.Signals, code: int) -> None:
    from search.host.shutdown import Shutdown

    with Shutdown() as shutdown:
        signal.raise_signal(number)
    assert CODES[shutdown.end] == code
