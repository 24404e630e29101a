"""A worker whose job ends at a known time starts nothing that the job would cut off, and gives back in time."""

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from search.errors import UsageError
from search.workers.job_end import LEAVE_S, JobEnd
from search.workers.join import find_job_end
from storage.testkit import bound, example_epoch

if TYPE_CHECKING:
    from tests.helpers.lab import Lab

HOUR = 3600.0


def ending_in(seconds: float, epoch_s: float = 0.0) -> JobEnd:
    return JobEnd(time.time() + seconds, epoch_s)


def test_a_job_without_an_end_fits_every_epoch() -> None:
    end = JobEnd()
    end.note_epoch(1e6)
    assert end.fits_epoch
    assert not end.is_near


@pytest.mark.parametrize(
    ("left", "epoch", "fits", "near"),
    [
        (HOUR, 60.0, True, False),
        (60.0, 60.0, False, False),
        (LEAVE_S - 1, 0.0, False, True),
    ],
)
def test_an_epoch_fits_if_the_trial_can_be_given_back_after_it(
    left: float, epoch: float, *, fits: bool, near: bool
) -> None:
    end = ending_in(left, epoch)
    assert (end.fits_epoch, end.is_near) == (fits, near)


def test_the_longest_epoch_so_far_is_the_measure() -> None:
    end = ending_in(100.0)
    end.note_epoch(90.0)
    end.note_epoch(1.0)
    assert not end.fits_epoch


def test_nothing_is_claimed_that_would_be_cut_off(lab: "Lab") -> None:
    shared = lab.study(2)
    lab.work(replace(lab.context(), job_end=ending_in(60.0, epoch_s=60.0)))
    assert shared.ledger.counts().waiting == 2


def test_a_trial_is_given_back_with_its_checkpoint_between_two_epochs(lab: "Lab") -> None:
    shared = lab.study(1)
    end = ending_in(HOUR)
    context = replace(lab.context(), job_end=end)

    class OneEpoch(JobEnd):
        """Its first epoch shows that a second one would be too long."""

        def note_epoch(self, seconds: float) -> None:
            super().note_epoch(seconds + 2 * HOUR)

    lab.work(replace(context, job_end=OneEpoch(end.at)))
    [slot] = shared.ledger.slots()
    assert (slot.state, slot.failures, slot.expiries) == ("waiting", 0, 0)
    assert len(shared.ledger.epochs(0)) == 1
    lab.work()
    assert shared.ledger.counts().complete == 1
    assert [row.epoch for row in shared.ledger.epochs(0)] == [1, 2, 3]


def test_an_epoch_that_outlasts_all_before_is_given_back_in_time(lab: "Lab") -> None:
    shared = lab.study(1)
    lab.acts[0] = [{"hold_before": 2}]
    lab.work(replace(lab.context(), job_end=ending_in(LEAVE_S + 2)))
    [slot] = shared.ledger.slots()
    assert (slot.state, slot.failures, slot.expiries) == ("waiting", 0, 0)
    lab.work()
    assert shared.ledger.counts().complete == 1


def test_a_job_too_short_for_an_epoch_is_refused(lab: "Lab") -> None:
    shared = lab.study(1)
    assert find_job_end(shared, None).at == math.inf
    lease = shared.ledger.claim("another", 30.0)
    assert lease is not None
    bound(shared.ledger, lease, 0)
    shared.ledger.record_epoch(lease, msgspec.structs.replace(example_epoch(), seconds=500.0))
    assert find_job_end(shared, time.time() + HOUR).epoch_s == 500.0
    with pytest.raises(UsageError, match=r"an epoch of this study takes 500 s.*more time \(search\.cluster --time\)"):
        find_job_end(shared, time.time() + 400)
