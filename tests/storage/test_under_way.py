"""What is under way in a study: whose slots are leased, and how far their trials are."""

import time

import pytest

from storage import create_study
from storage.records import SlotOrder
from storage.testkit import LEASE_S, bound, example_epoch, example_manifest


def test_a_leased_slot_is_shown_with_its_worker_and_its_epochs(storage_url: str) -> None:
    with create_study(storage_url, "study", example_manifest()) as shared:
        ledger = shared.ledger
        ledger.order_up_to(3, lambda number: SlotOrder(seed=number))
        first, second = ledger.claim("one", LEASE_S), ledger.claim("two", LEASE_S)
        assert first is not None
        assert second is not None
        lease = bound(ledger, first, shared.study.ask().number)
        for epoch, seconds in ((1, 0.5), (2, 1.5)):
            ledger.record_epoch(lease, example_epoch(epoch, seconds=seconds))
        one, two = ledger.under_way()
        assert (one.slot, one.worker_id, one.trial_number, one.epochs) == (0, "one", 0, 2)
        assert one.seconds_per_epoch == pytest.approx(1.0)
        assert (two.worker_id, two.trial_number, two.epochs, two.seconds_per_epoch) == ("two", None, 0, None)


def test_the_databases_clock_can_be_read(storage_url: str) -> None:
    with create_study(storage_url, "study", example_manifest()) as shared:
        assert abs(shared.ledger.now() - time.time()) < 60
