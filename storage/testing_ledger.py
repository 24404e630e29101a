"""The part of the storage's contract that is about the ledger: slots, leases, epochs and outcomes."""

import pytest
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import IntegrityError

from spaces.metrics import Direction
from storage.errors import LeaseLost
from storage.ledger import Ledger
from storage.objective import Objective
from storage.records import Lease, Outcome, OutcomeState, SlotCounts, SlotOrder, SlotSettings, Unclaimed
from storage.study import SharedStudy
from storage.testkit import (
    COMPLETE,
    LEASE_S,
    backdate_finishes,
    bound,
    claimed,
    example_epoch,
    expire,
    leases_left_s,
    order_all,
)


class LedgerContract:
    """Tests to inherit. They ask for a `study`, and its `ledger` with three slots."""

    # ordering and claiming

    def test_slots_are_claimed_in_order_and_each_once(self, ledger: Ledger) -> None:
        leases = [claimed(ledger, f"worker-{n}") for n in range(3)]
        assert [(lease.slot, lease.token, lease.seed) for lease in leases] == [(0, 1, 100), (1, 1, 101), (2, 1, 102)]
        assert ledger.claim("late", LEASE_S) is None

    def test_ordering_up_to_a_number_adds_what_is_missing(self, ledger: Ledger) -> None:
        added = [ledger.order_up_to(n, order_of=SlotOrder) for n in (2, 5, 5)]
        assert (added, ledger.counts().total) == ([0, 2, 0], 5)

    def test_slots_may_be_ordered_by_number_and_leave_gaps(self, ledger: Ledger) -> None:
        orders = {number: SlotOrder(seed=number) for number in (2, 7, 4)}
        assert [ledger.order_these(orders), ledger.order_these(orders)] == [2, 0]
        assert [(slot.slot, slot.seed) for slot in ledger.slots()] == [(0, 100), (1, 101), (2, 102), (4, 4), (7, 7)]
        assert [claimed(ledger, f"worker-{n}").slot for n in range(5)] == [0, 1, 2, 4, 7]

    def test_a_slot_carries_its_fixed_parameters_and_settings(self, study: SharedStudy) -> None:
        order = SlotOrder(
            seed=7, params={"rate": 0.5, "optimizer": "adam", "bn": True}, settings=SlotSettings(replicate=2)
        )
        order_all(study.ledger, [order, SlotOrder(seed=8)])
        lease, plain = claimed(study.ledger), claimed(study.ledger)
        assert (lease.seed, lease.params, lease.settings) == (order.seed, order.params, order.settings)
        assert (plain.params, plain.settings) == (None, SlotSettings())

    def test_seeds_may_have_64_bits(self, study: SharedStudy) -> None:
        order_all(study.ledger, [SlotOrder(seed=2**63 - 1)])
        assert claimed(study.ledger).seed == 2**63 - 1

    def test_a_stopped_study_gives_no_slots_until_it_is_resumed(self, ledger: Ledger) -> None:
        ledger.stop("the disk is full")
        ledger.stop("later reasons don't replace the first")
        assert ledger.stop_reason() == "the disk is full"
        assert ledger.claim("worker", LEASE_S) is None
        ledger.resume()
        assert claimed(ledger).slot == 0

    def test_a_claim_that_finds_nothing_says_what_is_left_to_do(self, study: SharedStudy) -> None:
        ledger = study.ledger
        assert ledger.try_claim("worker", LEASE_S) == Unclaimed(is_stopped=False, has_open=False, has_unsettled=False)
        ledger.order_up_to(1, order_of=SlotOrder)
        lease = bound(ledger, claimed(ledger, "another"), 0)
        found = [ledger.try_claim("worker", LEASE_S)]
        ledger.stop("enough")
        found.append(ledger.try_claim("worker", LEASE_S))
        ledger.resume()
        ledger.finish(lease, COMPLETE)
        found.append(ledger.try_claim("worker", LEASE_S))
        assert ledger.left() == found[-1]
        ledger.confirm(lease.slot)
        found.append(ledger.try_claim("worker", LEASE_S))
        assert found == [
            Unclaimed(is_stopped=False, has_open=True, has_unsettled=False),
            Unclaimed(is_stopped=True, has_open=True, has_unsettled=False),
            Unclaimed(is_stopped=False, has_open=False, has_unsettled=True),
            Unclaimed(is_stopped=False, has_open=False, has_unsettled=False),
        ]
        assert [one.is_over for one in found if isinstance(one, Unclaimed)] == [False, True, False, True]

    # leases

    def test_an_expired_lease_goes_to_the_next_with_a_higher_token(self, study: SharedStudy, ledger: Ledger) -> None:
        first = bound(ledger, claimed(ledger, "first"), 0)
        expire(study, first.slot)
        second = claimed(ledger, "second")
        assert (second.slot, second.token, second.trial_number) == (0, 2, 0)
        assert (second.failures, second.expiries) == (0, 1)
        assert second.last_failure == "the lease of worker first expired"

    def test_expired_leases_add_up_apart_from_failures_until_an_epoch_is_new(self, study: SharedStudy) -> None:
        ledger = study.ledger
        ledger.order_up_to(1, order_of=SlotOrder)
        for _ in range(2):
            expire(study, claimed(ledger).slot)
        lease = bound(ledger, claimed(ledger), 0)
        assert (lease.failures, lease.expiries) == (0, 2)
        assert ledger.release(lease, failure="crash") == 1
        lease = claimed(ledger)
        assert (lease.failures, lease.expiries, lease.last_failure) == (1, 2, "crash")
        ledger.record_epoch(lease, example_epoch())
        row = ledger.slots()[0]
        assert (row.failures, row.expiries, row.last_failure) == (0, 0, None)

    def test_a_slot_that_loses_a_worker_is_continued_at_once_and_one_that_loses_another_comes_last(
        self, study: SharedStudy, ledger: Ledger
    ) -> None:
        order = []
        for _ in range(2):
            order.append(claimed(ledger).slot)
            expire(study, 0)
        order += [claimed(ledger).slot for _ in range(3)]
        assert order == [0, 0, 1, 2, 0]

    def test_a_lease_of_no_length_expires_by_the_clock_of_the_database(self, ledger: Ledger) -> None:
        ledger.claim("first", 0.0)
        assert claimed(ledger, "second").slot == 0

    def test_a_renewed_lease_is_not_given_away(self, study: SharedStudy, ledger: Ledger) -> None:
        lease = claimed(ledger)
        expire(study, lease.slot)
        ledger.renew(lease, LEASE_S)
        assert claimed(ledger).slot == 1

    def test_a_fenced_worker_can_do_nothing(self, study: SharedStudy, ledger: Ledger) -> None:
        stale = bound(ledger, claimed(ledger, "stale"), 0)
        expire(study, stale.slot)
        claimed(ledger, "new")
        for attempt in (
            lambda: ledger.renew(stale, LEASE_S),
            lambda: bound(ledger, stale, 1),
            lambda: ledger.record_epoch(stale, example_epoch()),
            lambda: ledger.finish(stale, COMPLETE),
            lambda: ledger.release(stale),
        ):
            with pytest.raises(LeaseLost, match="taken over"):
                attempt()
        assert ledger.epochs(0) == []
        assert ledger.counts() == SlotCounts(total=3, waiting=2, leased=1)

    def test_a_token_is_worth_nothing_in_other_hands(self, ledger: Ledger) -> None:
        lease = claimed(ledger, "worker")
        stranger = Lease(
            **{**{name: getattr(lease, name) for name in lease.__struct_fields__}, "worker_id": "stranger"}
        )
        with pytest.raises(LeaseLost):
            ledger.renew(stranger, LEASE_S)

    def test_a_released_slot_is_there_at_once_and_nothing_is_held_against_it(self, ledger: Ledger) -> None:
        lease = claimed(ledger)
        assert [ledger.release(lease), ledger.release(lease)] == [0, 0]
        with pytest.raises(LeaseLost, match="waiting"):
            ledger.renew(lease, LEASE_S)
        again = claimed(ledger)
        assert (again.slot, again.token, again.failures, again.last_failure) == (0, 2, 0, None)

    def test_failures_add_up_until_an_epoch_is_new(self, ledger: Ledger) -> None:
        assert ledger.release(claimed(ledger), failure="out of memory") == 1
        lease = bound(ledger, claimed(ledger), 0)
        assert (lease.failures, lease.last_failure) == (1, "out of memory")
        assert ledger.release(lease, failure="crash") == 2
        lease = claimed(ledger)
        ledger.record_epoch(lease, example_epoch())
        assert ledger.slots()[0].last_failure is None
        assert ledger.release(lease, failure="crash") == 1
        lease = claimed(ledger)
        ledger.record_epoch(lease, example_epoch())
        assert ledger.release(lease, failure="crash") == 2

    # trials and epochs

    def test_a_slot_has_one_trial_and_a_trial_one_slot(self, ledger: Ledger) -> None:
        first, second = claimed(ledger), claimed(ledger)
        assert bound(ledger, first, 4).trial_number == 4
        assert bound(ledger, first, 5).trial_number == 4
        with pytest.raises(IntegrityError):
            bound(ledger, second, 4)
        assert [slot.trial_number for slot in ledger.slots()[:2]] == [4, None]

    def test_an_epoch_is_recorded_once(self, ledger: Ledger) -> None:
        lease = bound(ledger, claimed(ledger), 0)
        assert ledger.record_epoch(lease, example_epoch(1))
        assert ledger.record_epoch(lease, example_epoch(2))
        assert not ledger.record_epoch(lease, example_epoch(1, loss=9.0))
        assert ledger.epochs(0) == [example_epoch(1), example_epoch(2)]

    def test_scores_that_are_no_finite_numbers_are_none(self, ledger: Ledger) -> None:
        lease = bound(ledger, claimed(ledger), 0)
        ledger.record_epoch(lease, example_epoch(loss=float("nan"), val_loss=float("inf"), val_accuracy=None))
        assert ledger.epochs(0) == [example_epoch(loss=None, val_loss=None, val_accuracy=None)]

    def test_epochs_need_a_trial(self, ledger: Ledger) -> None:
        with pytest.raises(ValueError, match="bind one"):
            ledger.record_epoch(claimed(ledger), example_epoch())

    def test_all_epochs_come_by_trial_with_the_attempt_that_made_them(self, study: SharedStudy, ledger: Ledger) -> None:
        lease = bound(ledger, claimed(ledger), 7)
        ledger.record_epoch(lease, example_epoch(1))
        other = bound(ledger, claimed(ledger), 3)
        ledger.record_epoch(other, example_epoch(1))
        expire(study, lease.slot)
        ledger.record_epoch(claimed(ledger), example_epoch(2))
        found = [(epoch.trial_number, epoch.scores.epoch, epoch.token) for epoch in ledger.all_epochs()]
        assert found == [(3, 1, 1), (7, 1, 1), (7, 2, 2)]
        assert ledger.epoch_count() == len(found)

    # outcomes

    def test_a_slot_is_finished_once(self, ledger: Ledger) -> None:
        lease = bound(ledger, claimed(ledger), 0)
        ledger.finish(lease, COMPLETE)
        ledger.finish(lease, Outcome(state="failed", value=None, reason="said twice"))
        assert [(done.trial_number, done.outcome) for done in ledger.outcomes()] == [(0, COMPLETE)]
        with pytest.raises(LeaseLost, match="done"):
            ledger.release(lease)

    def test_a_finished_slot_stays_unconfirmed_until_its_trial_is_told(self, ledger: Ledger) -> None:
        lease = claimed(ledger)
        ledger.confirm(lease.slot)
        ledger.finish(lease, COMPLETE)
        assert [done.slot for done in ledger.unconfirmed()] == [0]
        ledger.confirm(lease.slot)
        assert (ledger.unconfirmed(), ledger.outcomes()[0].confirmed) == ([], True)

    def test_outcomes_are_counted_and_come_in_the_order_of_finishing(self, study: SharedStudy) -> None:
        study.ledger.order_up_to(7, order_of=SlotOrder)
        leases = [claimed(study.ledger) for _ in range(6)]
        states: tuple[OutcomeState, ...] = ("failed", "complete", "pruned", "diverged", "infeasible")
        for lease, state in zip(reversed(leases[:5]), states, strict=True):
            study.ledger.finish(lease, Outcome(state=state, value=None, reason=f"it was {state}", kind="crash"))
        backdate_finishes(study)
        expected = SlotCounts(total=7, waiting=1, leased=1, complete=1, pruned=1, diverged=1, infeasible=1, failed=1)
        assert study.ledger.counts() == expected
        assert [done.outcome.state for done in study.ledger.outcomes(3)] == ["failed", "complete", "pruned"]

    @pytest.mark.parametrize(("direction", "expected"), [("maximize", [3, 1, 0]), ("minimize", [2, 0, 3])])
    def test_the_best_slots_are_completed_ones_and_of_equals_that_of_the_earlier_trial(
        self, study: SharedStudy, direction: Direction, expected: list[int]
    ) -> None:
        study.ledger.order_up_to(6, order_of=SlotOrder)
        for trial, value in ((2, 0.5), (3, 0.9), (0, 0.1), (1, 0.9)):  # several workers bind slots in any order
            lease = claimed(study.ledger)
            bound(study.ledger, lease, trial)
            study.ledger.finish(lease, Outcome("complete", value))
        study.ledger.finish(claimed(study.ledger), Outcome("pruned", 0.99))
        study.ledger.finish(claimed(study.ledger), Outcome("failed", None, "it crashed", "crash"))
        assert [done.slot for done in study.ledger.best(Objective("val_accuracy", direction), 3)] == expected

    def test_slots_show_how_they_stand(self, study: SharedStudy, ledger: Ledger) -> None:
        claimed(ledger, "one")
        ledger.finish(claimed(ledger, "two"), COMPLETE)
        expire(study, 0)
        leased, done, waiting = ledger.slots()
        assert (leased.state, leased.worker_id, leased.outcome) == ("leased", "one", None)
        assert (done.state, done.outcome) == ("done", COMPLETE)
        assert [left_s < 0 for left_s in leases_left_s(study.engine, study.study_id).values()] == [True]
        assert (waiting.state, waiting.token, waiting.seed) == ("waiting", 0, 102)

    def test_the_whole_way_of_a_trial(self, study: SharedStudy, ledger: Ledger) -> None:
        lease = claimed(ledger)
        attrs = {"slot": lease.slot, "token": lease.token}
        study.study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attrs))
        lease = bound(ledger, lease, study.study.trials[-1].number)
        trial = study.trials.resume(lease.trial_number or 0)
        trial.suggest_float("rate", 0.0, 1.0)
        for epoch in (1, 2):
            ledger.record_epoch(lease, example_epoch(epoch))
            trial.report(0.75, epoch)
        ledger.finish(lease, COMPLETE)
        study.study.tell(trial.number, COMPLETE.value, skip_if_finished=True)
        ledger.confirm(lease.slot)
        assert [found.value for found in study.study.trials] == [0.9]
