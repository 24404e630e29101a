"""The workers of one process: threads that share a database, each with its own identity and trainer."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.engine import Engine

from search.errors import Quarantined, UsageError
from search.host.ends import End
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.workers import loop, threads
from search.workers.fleet import FleetSettings, run_fleet
from search.workers.placement import WorkerPlacement
from search.workers.running import run_workers_in
from search.workers.settings import WorkerSettings
from search.workers.threads import WorkerThread, run_threads
from storage import SharedStudy, create_study
from storage.errors import StorageUnreachable
from storage.history import TrialHistory
from storage.records import SlotOrder
from tests.helpers.comparisons import Comparisons
from tests.helpers.waiting import PATIENCE_S, wait_until

LEASE_S = 2 * PATIENCE_S
PLACES = [WorkerPlacement("cpu")] * 3


@pytest.fixture
def comparisons(storage_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Comparisons:
    return Comparisons(storage_url, tmp_path, capsys)


def search(comparisons: Comparisons, n_trials: int, name: str = "S") -> SharedStudy:
    """A search without workers so far."""
    options = LaunchOptions(
        space="bn_dropout", storage=comparisons.url, study_name=name, epochs=2, workers=settings(comparisons)
    )
    plan = make_plan(options)
    shared = create_study(comparisons.url, name, msgspec.structs.replace(plan.manifest, pruner="none", lease_s=LEASE_S))
    shared.ledger.order_up_to(n_trials, plan.orders.__getitem__)
    return shared


def settings(comparisons: Comparisons) -> WorkerSettings:
    return WorkerSettings(n_workers=len(PLACES), artifacts=comparisons.folder / "artifacts", gpus="none", wait=0.0)


def work_in_threads(comparisons: Comparisons, name: str = "S") -> End:
    return run_workers_in(comparisons.url, name, settings(comparisons), PLACES, comparisons.stub())


def test_workers_of_a_process_share_a_database_and_a_history_and_have_names_and_trainers_of_their_own(
    comparisons: Comparisons, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "search.workers")
    with search(comparisons, 9) as shared:
        made, begin = list[int](), TrialHistory.__init__

        def noted(history: TrialHistory, engine: Engine, study_id: int) -> None:
            made.append(study_id)
            begin(history, engine, study_id)

        monkeypatch.setattr(TrialHistory, "__init__", noted)
        assert work_in_threads(comparisons) is End.DONE
        workers = shared.workers.all()
        assert shared.ledger.counts().complete == 9
        assert len(shared.study.get_trials()) == 9
        assert all(len(shared.ledger.epochs(slot.slot)) == 2 for slot in shared.ledger.slots())
    assert len({worker.info.worker_id for worker in workers}) == len(PLACES)
    assert {worker.info.pid for worker in workers} == {os.getpid()}
    assert {worker.left for worker in workers} == {"nothing left to do"}
    assert made == [shared.study_id]
    logs = sorted(path.stem.rpartition("-")[2] for path in comparisons.folder.rglob("trainer-*.log"))
    assert logs == ["1", "2", "3"]
    spoke = {record.threadName for record in caplog.records if "works on the study" in record.message}
    assert spoke == {"worker 1", "worker 2", "worker 3"}


def test_a_fleet_s_workers_go_from_one_study_to_the_next_together(comparisons: Comparisons) -> None:
    with search(comparisons, 4, "one") as one, search(comparisons, 4, "two") as two:
        told = FleetSettings(idle_exit=0.0)
        assert run_fleet(comparisons.url, told, settings(comparisons), comparisons.stub()) is End.DONE
        assert [shared.ledger.counts().complete for shared in (one, two)] == [4, 4]


def test_a_signal_makes_all_of_them_give_their_trials_back(comparisons: Comparisons) -> None:
    comparisons.acts = {slot: [{"hold_before": 2}, {}] for slot in range(3)}
    with search(comparisons, 3) as shared:

        def tell() -> None:
            wait_until(lambda: all(len(shared.ledger.epochs(slot)) == 1 for slot in range(3)), "an epoch of each")
            os.kill(os.getpid(), signal.SIGTERM)

        with ThreadPoolExecutor(1) as other:
            told = other.submit(tell)
            assert work_in_threads(comparisons) is End.UNFINISHED
            told.result()
        assert {(slot.state, slot.failures, slot.expiries) for slot in shared.ledger.slots()} == {("waiting", 0, 0)}
        assert {worker.left for worker in shared.workers.all()} == {"told to leave"}
        assert work_in_threads(comparisons) is End.DONE
        assert shared.ledger.counts().complete == 3


def test_workers_that_wait_are_woken_by_orders_and_by_what_is_given_back(
    postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    comparisons = Comparisons(postgres_url, tmp_path, capsys)
    monkeypatch.setattr(loop, "idle_pause", lambda *_: 100 * PATIENCE_S)
    with search(comparisons, 1) as shared:
        held = shared.ledger.claim("another", LEASE_S)
        assert held is not None

        def complete(n: int) -> None:
            wait_until(lambda: shared.ledger.counts().complete == n, f"{n} complete trials")

        def order() -> None:
            try:
                wait_until(lambda: len(shared.workers.all()) == len(PLACES), "idle workers")
                shared.ledger.order_up_to(3, SlotOrder)
                complete(2)
                shared.ledger.release(held)
                complete(3)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        with ThreadPoolExecutor(1) as other:
            ordered = other.submit(order)
            work_in_threads(comparisons)
            ordered.result()


def test_what_no_worker_can_join_is_said_once_before_others_are_started(comparisons: Comparisons) -> None:
    with search(comparisons, 2) as shared:
        changed = msgspec.structs.replace(shared.manifest, versions={**shared.manifest.versions, "keras": "1.0"})
    with create_study(comparisons.url, "unfit", changed) as unfit:
        with pytest.raises(UsageError, match="keras is"):
            work_in_threads(comparisons, "unfit")
        assert unfit.workers.all() == []


def in_turn(*ends: End | Exception) -> Callable[[WorkerThread], End]:
    """Work at whose end each worker returns, or raises, what is its."""

    def work(thread: WorkerThread) -> End:
        thread.joined(lambda: None)
        end = ends[thread.place.number - 1]
        if isinstance(end, Exception):
            raise end
        return end

    return work


def test_a_worker_that_an_error_ends_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    work = in_turn(Quarantined("nothing works"), End.DONE, ZeroDivisionError("a bug"))
    assert run_threads(PLACES, work) is End.DONE
    said = {(record.threadName, record.message) for record in caplog.records}
    assert said == {("worker 1", "the worker ends: nothing works"), ("worker 3", "the worker ends: a bug")}
    assert "ZeroDivisionError" in caplog.text


def test_errors_that_leave_nothing_done_are_the_process_s_own() -> None:
    with pytest.raises(Quarantined, match="nothing works"):
        run_threads(PLACES, in_turn(End.UNFINISHED, Quarantined("nothing works"), End.UNFINISHED))
    assert run_threads(PLACES, in_turn(*[End.UNFINISHED] * 3)) is End.UNFINISHED


def test_a_worker_whose_database_was_out_of_reach_begins_again() -> None:
    tried = list[int]()

    def work(thread: WorkerThread) -> End:
        thread.joined(lambda: None)
        tried.append(thread.place.number)
        if tried.count(thread.place.number) < 3:
            raise StorageUnreachable("away")
        return End.DONE

    assert run_threads(PLACES, work) is End.DONE
    assert sorted(tried) == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_one_that_doesn_t_leave_is_left_behind_without_its_trainer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "GRACE_S", 0.1)
    discarded, over = list[int](), threading.Event()

    def work(thread: WorkerThread) -> End:
        thread.joined(partial(discarded.append, thread.place.number))
        if thread.place.number == 3:
            os.kill(os.getpid(), signal.SIGINT)
        if thread.place.number == 2:
            over.wait(PATIENCE_S)
        return End.UNFINISHED

    assert run_threads(PLACES, work) is End.INTERRUPTED
    over.set()
    assert discarded == [2]
    assert "worker 2 didn't leave in 0 s" in caplog.text
