"""Hosts whose clocks are a day off: leases run by the database's clock, and nobody's else."""

import time

import pytest

from storage.records import SlotOrder
from storage.study import create_study, open_study
from storage.testkit import LEASE_S, claimed, example_epoch, example_manifest, expire

DAY_S = 86_400.0


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
        assert all(0 < (slot.lease_left_s or 0) <= LEASE_S for slot in study.ledger.slots())
        expire(study, held.slot)
        monkeypatch.setattr("time.time", lambda: right() + skew_s)
        assert claimed(off.ledger, "off").token == 2
        off.ledger.record_epoch(off.ledger.bind(own, 0), example_epoch())
