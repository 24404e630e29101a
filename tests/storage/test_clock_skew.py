"""Hosts whose clocks are a day off: leases run by the database's clock, and by no other. That one may be set back."""

import time

import pytest

from storage.errors import LeaseLost
from storage.records import SlotOrder, WorkerInfo
from storage.study import create_study, open_study
from storage.testkit import (
    LEASE_S,
    bound,
    claimed,
    example_epoch,
    example_manifest,
    expire,
    leases_left_s,
    set_clock_back,
)

DAY_S = 86_400.0
HOUR_S = 3_600.0


@pytest.mark.parametrize("skew_s", [DAY_S, -DAY_S])
def test_a_host_whose_clock_is_off_neither_takes_a_slot_too_early_nor_loses_its_own(
    storage_url: str, skew_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time
    with create_study(storage_url, "demo", example_manifest()) as study, open_study(storage_url, "demo") as off:
        study.ledger.order_up_to(2, SlotOrder)
        held = claimed(study.ledger, "right")
        monkeypatch.setattr("time.time", lambda: right() + skew_s)
        own = claimed(off.ledger, "off")
        assert (held.slot, own.slot) == (0, 1)
        assert off.ledger.claim("off", LEASE_S) is None
        monkeypatch.undo()
        assert study.ledger.claim("right", LEASE_S) is None
        assert all(0 < left_s <= LEASE_S for left_s in leases_left_s(study.engine, study.study_id).values())
        expire(study, held.slot)
        monkeypatch.setattr("time.time", lambda: right() + skew_s)
        assert claimed(off.ledger, "off").token == 2
        off.ledger.record_epoch(bound(off.ledger, own, 0), example_epoch())


def test_when_the_clock_of_the_database_is_set_back_a_dead_workers_slot_is_free_at_once(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as study:
        study.ledger.order_up_to(1, SlotOrder)
        dead = claimed(study.ledger, "dead")
        set_clock_back(study, HOUR_S)
        heir = claimed(study.ledger, "heir")
        assert (heir.slot, heir.token) == (dead.slot, dead.token + 1)
        with pytest.raises(LeaseLost):
            study.ledger.renew(dead, LEASE_S)


def test_a_worker_that_renews_its_lease_after_the_clock_was_set_back_keeps_its_slot(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as study:
        study.ledger.order_up_to(1, SlotOrder)
        lease = claimed(study.ledger, "alive")
        set_clock_back(study, HOUR_S)
        study.ledger.renew(lease, LEASE_S)
        assert study.ledger.claim("other", LEASE_S) is None


def test_a_clock_that_is_kept_in_time_by_small_steps_takes_no_slot_away(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as study:
        study.ledger.order_up_to(1, SlotOrder)
        claimed(study.ledger, "alive")
        set_clock_back(study, 0.5)
        assert study.ledger.claim("other", LEASE_S) is None


def test_a_worker_last_seen_before_the_clock_was_set_back_is_not_seen_now(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as study:
        for name in ("silent", "alive"):
            study.workers.register(WorkerInfo(name, "host", 1))
        set_clock_back(study, HOUR_S)
        study.workers.beat("alive")
        ages = {worker.info.worker_id: worker.age_s for worker in study.workers.all()}
        assert ages["silent"] > HOUR_S - LEASE_S
        assert 0 <= ages["alive"] < LEASE_S
