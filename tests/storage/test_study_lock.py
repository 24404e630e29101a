"""Postgres alone has several writers at a time: who doesn't need the study's lock doesn't wait for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from storage import SharedStudy, create_study, open_study
from storage.ending import EndingRule
from storage.errors import StorageUnreachable, StudyNotFound
from storage.records import Lease, Outcome, SlotOrder
from storage.rungs import Rungs
from storage.study_lock import holding_study
from storage.testkit import COMPLETE, LEASE_S, bound, claimed, example_epoch, example_manifest

RUNGS = Rungs((1, 3), "maximize")


@pytest.fixture
def study(postgres_url: str) -> Iterator[SharedStudy]:
    with create_study(postgres_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(9, SlotOrder)
        yield shared


@pytest.fixture
def locked(study: SharedStudy, postgres_url: str) -> Iterator[SharedStudy]:
    """The study, while another process decides about all its slots."""
    with open_study(postgres_url, "demo") as other, ThreadPoolExecutor(1):
        for _ in range(2):
            assert not study.promotion.advance(at_rung(study), RUNGS, 1, 0.5)
        with holding_study(other.engine, other.key):
            yield study


def at_rung(study: SharedStudy) -> Lease:
    """A lease whose trial has come to the first rung."""
    lease = claimed(study.ledger)
    bound(study.ledger, lease, lease.slot)
    study.ledger.record_epoch(lease, example_epoch(1))
    return lease


@pytest.mark.parametrize("value", [0.4, None])
def test_a_trial_that_is_sure_not_to_go_on_is_paused_at_once(locked: SharedStudy, value: float | None) -> None:
    lease, sent = at_rung(locked), list[str]()
    sa.event.listen(locked.engine, "before_cursor_execute", lambda *event: sent.append(event[2]))
    assert not locked.promotion.advance(lease, RUNGS, 1, value)
    assert len(sent) == 1
    assert locked.ledger.counts().paused == 3


def test_the_best_of_a_rung_waits_for_its_turn(locked: SharedStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.study_lock.WAIT_S", 0.0)
    lease = at_rung(locked)
    with pytest.raises(StorageUnreachable, match="was locked"):
        locked.promotion.advance(lease, RUNGS, 1, 0.9)
    assert locked.ledger.counts().paused == 2


def test_who_asks_for_a_paused_trial_meanwhile_begins_a_new_one(locked: SharedStudy) -> None:
    assert not locked.promotion.advance(at_rung(locked), RUNGS, 1, 0.4)
    assert locked.promotion.resume("worker", LEASE_S, RUNGS) is None
    assert claimed(locked.ledger).slot == 3


def test_a_result_that_may_end_the_search_waits_and_any_other_does_not(
    study: SharedStudy, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.study_lock.WAIT_S", 0.0)
    leases = [at_rung(study), at_rung(study)]
    with open_study(postgres_url, "demo") as other:
        with holding_study(other.engine, other.key):
            study.ledger.finish(leases[0], COMPLETE)
        study.ledger.set_ending(EndingRule("maximize", target=0.99))
        with holding_study(other.engine, other.key), pytest.raises(StorageUnreachable, match="was locked"):
            study.ledger.finish(leases[1], Outcome("complete", 0.995))
    study.ledger.finish(leases[1], Outcome("complete", 0.995))
    assert study.ledger.ended() is not None


def test_of_two_that_come_to_a_rung_together_the_better_is_resumed(study: SharedStudy) -> None:
    """Neither knows of the other: both are paused, and the next worker finds that one is to go on."""
    first, *others = [at_rung(study) for _ in range(3)]
    assert not study.promotion.advance(first, RUNGS, 1, 0.1)
    with ThreadPoolExecutor(2) as workers:
        went_on = list(workers.map(lambda lease: study.promotion.advance(lease, RUNGS, 1, lease.slot / 9), others))
    resumed = study.promotion.resume("next", LEASE_S, RUNGS)
    slots = [lease.slot for lease, on in zip(others, went_on, strict=True) if on] + ([resumed.slot] if resumed else [])
    assert slots == [2]


def test_a_study_that_was_deleted_is_not_waited_for(study: SharedStudy, postgres_url: str) -> None:
    with open_study(postgres_url, "demo") as other, closing(study):
        study.trials.storage.delete_study(study.study_id)
        with pytest.raises(StudyNotFound, match="deleted"), holding_study(other.engine, other.key):
            pytest.fail("there is nothing to hold")
        with pytest.raises(StudyNotFound, match="deleted"):
            other.promotion.resume("worker", LEASE_S, RUNGS)
