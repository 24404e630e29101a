"""The part of the storage's contract that is about promotion: paused slots, and which of them goes on."""

from collections.abc import Sequence

import pytest

from storage.ending import EndingRule
from storage.errors import LeaseLost
from storage.records import Lease, Outcome, SlotOrder
from storage.rungs import Rungs
from storage.study import SharedStudy
from storage.testkit import COMPLETE, LEASE_S, bound, claimed, example_epoch, expire

RUNGS = Rungs((1, 3), "maximize")


class PromotionContract:
    """Tests to inherit. They ask for a `study`."""

    def test_a_trial_that_is_not_in_the_top_third_is_paused_and_its_lease_is_over(self, study: SharedStudy) -> None:
        (lease,) = at_first_rung(study, [0.9])
        assert study.ledger.counts().paused == 1
        assert not study.promotion.advance(lease, RUNGS, 1, 0.9), "said twice, it is paused once"
        with pytest.raises(LeaseLost, match="is paused"):
            study.ledger.record_epoch(lease, example_epoch(2))
        with pytest.raises(LeaseLost, match="is paused"):
            study.ledger.renew(lease, LEASE_S)
        assert claimed(study.ledger).slot == 1, "a paused slot isn't claimed as a waiting one is"

    def test_the_best_of_three_is_resumed_once_under_a_new_token_and_a_stale_worker_is_refused(
        self, study: SharedStudy
    ) -> None:
        leases = at_first_rung(study, [0.5, 0.9, 0.1])
        resumed = study.promotion.resume("new", LEASE_S, RUNGS)
        assert resumed is not None
        assert (resumed.slot, resumed.token, resumed.worker_id, resumed.trial_number) == (1, 2, "new", 1)
        assert study.promotion.resume("other", LEASE_S, RUNGS) is None
        with pytest.raises(LeaseLost, match="taken over"):
            study.promotion.advance(leases[1], RUNGS, 1, 0.9)
        assert study.promotion.advance(resumed, RUNGS, 1, 0.0), "judged again after its checkpoint, it stays promoted"

    def test_a_trial_in_the_top_third_goes_on_without_a_pause(self, study: SharedStudy) -> None:
        leases = at_first_rung(study, [0.5, 0.1, 0.9])
        study.ledger.record_epoch(leases[2], example_epoch(2))
        assert study.ledger.counts().paused == 2
        assert study.promotion.resume("new", LEASE_S, RUNGS) is None

    def test_of_equal_values_the_earlier_trial_is_promoted_and_less_may_be_better(self, study: SharedStudy) -> None:
        lower = Rungs((1, 3), "minimize")
        at_first_rung(study, [0.5, 0.2, 0.2], lower)
        resumed = study.promotion.resume("new", LEASE_S, lower)
        assert resumed is not None
        assert resumed.slot == 1

    def test_a_value_that_is_no_number_is_never_promoted(self, study: SharedStudy) -> None:
        at_first_rung(study, [None, float("nan"), float("inf")])
        assert study.promotion.resume("new", LEASE_S, RUNGS) is None

    def test_a_worker_that_is_lost_with_a_resumed_trial_leaves_it_to_the_next_claim(self, study: SharedStudy) -> None:
        at_first_rung(study, [0.5, 0.9, 0.1])
        assert study.promotion.resume("lost", LEASE_S, RUNGS) is not None
        expire(study, 1)
        again = claimed(study.ledger)
        assert (again.slot, again.token) == (1, 3)
        assert study.promotion.advance(again, RUNGS, 1, 0.9)

    def test_in_the_end_three_trials_are_finished_and_the_others_are_pruned_with_their_value(
        self, study: SharedStudy
    ) -> None:
        at_first_rung(study, [0.5, 0.4, 0.3, 0.2, 0.1], others=0)
        finished = list[int]()
        while (lease := study.promotion.resume("worker", LEASE_S, RUNGS)) is not None:
            assert study.promotion.close(RUNGS) == []
            assert study.promotion.advance(lease, RUNGS, 3, 0.5)
            study.ledger.finish(lease, COMPLETE)
            finished.append(lease.slot)
        assert finished == [0, 1, 2]
        closed = study.promotion.close(RUNGS)
        reason = "paused after 1 epoch; it was never among the best third"
        assert [(done.slot, done.outcome) for done in closed] == [
            (slot, Outcome("pruned", value, reason, "paused", 1)) for slot, value in ((3, 0.2), (4, 0.1))
        ]
        counts = study.ledger.counts()
        assert (counts.finished, counts.complete, counts.pruned, counts.paused) == (5, 3, 2, 0)
        study.ledger.confirm(3)
        assert [done.slot for done in study.promotion.close(RUNGS)] == [4], "until their trials are told"

    def test_workers_finish_no_more_than_are_needed_and_another_if_one_fails(self, study: SharedStudy) -> None:
        at_first_rung(study, [0.5, 0.4, 0.3, 0.2, 0.1], others=0)
        best = study.promotion.resume("first", LEASE_S, RUNGS)
        assert best is not None
        assert study.promotion.resume("second", LEASE_S, RUNGS) is None, "the best may be paused again, further on"
        assert study.promotion.advance(best, RUNGS, 3, 0.9)
        leases = [study.promotion.resume(f"worker-{n}", LEASE_S, RUNGS) for n in range(3)]
        assert [lease.slot if lease else None for lease in leases] == [1, 2, None]
        study.ledger.finish(best, Outcome("failed", None, "it crashed", "crash"))
        another = study.promotion.resume("worker-3", LEASE_S, RUNGS)
        assert another is not None
        assert another.slot == 3

    def test_a_study_of_one_trial_trains_it_without_a_pause(self, study: SharedStudy) -> None:
        study.ledger.order_up_to(1, order_of=SlotOrder)
        lease = claimed(study.ledger)
        assert [study.promotion.advance(lease, RUNGS, rung, 0.5) for rung in RUNGS.epochs] == [True, True]

    def test_more_trials_promote_more_of_those_that_are_paused(self, study: SharedStudy) -> None:
        at_first_rung(study, [0.8, 0.4, 0.9])
        study.ledger.order_up_to(9, order_of=SlotOrder)
        for value in (0.1, 0.2):
            assert not study.promotion.advance(claimed(study.ledger), RUNGS, 1, value)
            assert study.promotion.resume("worker", LEASE_S, RUNGS) is None
        assert not study.promotion.advance(claimed(study.ledger), RUNGS, 1, 0.3)
        resumed = study.promotion.resume("worker", LEASE_S, RUNGS)
        assert resumed is not None
        assert resumed.slot == 0

    def test_stopping_a_study_prunes_what_is_paused(self, study: SharedStudy) -> None:
        at_first_rung(study, [0.5, 0.9])
        study.ledger.stop("enough")
        assert study.promotion.resume("worker", LEASE_S, RUNGS) is None
        assert [done.outcome.reason for done in study.promotion.close(RUNGS)] == [
            "paused after 1 epoch; the search was stopped: enough"
        ] * 2
        assert study.ledger.counts().paused == 0

    def test_a_search_that_ends_prunes_what_is_paused(self, study: SharedStudy) -> None:
        at_first_rung(study, [0.5, 0.9])
        study.ledger.set_ending(EndingRule("maximize", target=0.9))
        study.ledger.finish(claimed(study.ledger), Outcome("complete", 0.9))
        states = [slot.outcome.state if slot.outcome else slot.state for slot in study.ledger.slots()]
        assert states == ["pruned", "pruned", "complete"]
        assert {done.outcome.kind for done in study.promotion.close(RUNGS)} == {"paused"}

    def test_paused_trials_count_among_those_without_progress(self, study: SharedStudy) -> None:
        study.ledger.order_up_to(9, order_of=SlotOrder)
        study.ledger.finish(claimed(study.ledger), Outcome("complete", 0.9))
        study.ledger.set_ending(EndingRule("maximize", patience=2))
        assert not study.promotion.advance(claimed(study.ledger), RUNGS, 1, 0.1)
        assert study.ledger.ended() is None
        assert not study.promotion.advance(claimed(study.ledger), RUNGS, 1, 0.2)
        ended = study.ledger.ended()
        assert ended is not None
        assert (ended.by, ended.finished) == ("patience", 3)
        assert study.ledger.counts().finished == study.ledger.counts().total == 3


def at_first_rung(
    study: SharedStudy, values: Sequence[float | None], rule: Rungs = RUNGS, others: int = 4
) -> list[Lease]:
    """The leases of trials that have come to the first rung with these values, in a study with `others` to come."""
    study.ledger.order_up_to(len(values) + others, order_of=SlotOrder)
    leases = [bound(study.ledger, claimed(study.ledger), number) for number in range(len(values))]
    for lease, value in zip(leases, values, strict=True):
        study.ledger.record_epoch(lease, example_epoch(1))
        study.promotion.advance(lease, rule, 1, value)
    return leases
