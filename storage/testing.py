"""What every storage backend must do, as tests to inherit.

class TestMyBackend(StorageContract):
    @pytest.fixture
    def storage_url(self) -> str: ...        # an empty database
"""

from collections.abc import Iterator

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import IntegrityError

from spaces.metrics import Direction
from storage.errors import LeaseLost, ManifestMismatch, StudyNotFound
from storage.ledger import Ledger
from storage.objective import Objective
from storage.records import Lease, Outcome, OutcomeState, SlotCounts, SlotOrder, SlotSettings, WorkerInfo
from storage.study import SharedStudy, create_study, open_study, study_names
from storage.tables import database_now
from storage.testing_identity import IdentityContract
from storage.testkit import (
    COMPLETE,
    LEASE_S,
    backdate_finishes,
    bound,
    claimed,
    example_epoch,
    example_manifest,
    expire,
    leases_left_s,
    order_all,
    plain_client,
)
from storage.transaction import reading


class StorageContract(IdentityContract):
    """The tests of a backend. They ask for a fixture `storage_url`: the URL of a database without studies."""

    @pytest.fixture
    def study(self, storage_url: str) -> Iterator[SharedStudy]:
        with create_study(storage_url, "demo", example_manifest()) as study:
            yield study

    @pytest.fixture
    def ledger(self, study: SharedStudy) -> Ledger:
        study.ledger.order_up_to(3, order_of=lambda number: SlotOrder(100 + number))
        return study.ledger

    # the study

    def test_the_objective_has_its_name(self, study: SharedStudy) -> None:
        assert study.study.metric_names == [study.manifest.objective]

    def test_a_study_is_made_once_and_then_joined(self, study: SharedStudy, storage_url: str) -> None:
        with create_study(storage_url, "demo", example_manifest(command="typed again")) as again:
            assert (study.created, again.created) == (True, False)
            assert again.manifest == study.manifest

    @pytest.mark.usefixtures("study")
    def test_who_opens_a_study_gets_its_manifest(self, storage_url: str) -> None:
        with open_study(storage_url, "demo") as opened:
            assert opened.manifest == example_manifest()

    @pytest.mark.usefixtures("study")
    def test_a_study_with_other_settings_is_not_joined(self, storage_url: str) -> None:
        with pytest.raises(ManifestMismatch) as caught:
            create_study(storage_url, "demo", example_manifest(dataset="mnist", epochs=9))
        assert "dataset: the study has 'digits', asked for was 'mnist'" in str(caught.value)
        assert "epochs: the study has 5, asked for was 9" in str(caught.value)

    @pytest.mark.usefixtures("study")
    def test_a_missing_study_names_those_that_there_are(self, storage_url: str) -> None:
        with pytest.raises(StudyNotFound, match="there are: demo; did you mean 'demo'"):
            open_study(storage_url, "dem")

    def test_the_study_optimizes_in_the_direction_of_its_manifest(self, storage_url: str) -> None:
        manifest = example_manifest(objective="val_loss", direction="minimize")
        with create_study(storage_url, "losses", manifest) as study:
            assert study.study.direction == optuna.study.StudyDirection.MINIMIZE

    def test_plain_optuna_reads_the_study(self, study: SharedStudy, storage_url: str) -> None:
        trial = study.study.ask()
        trial.report(0.5, 1)
        study.study.tell(trial.number, 0.5)
        with plain_client(storage_url) as plain:
            found = optuna.load_study(study_name="demo", storage=plain).trials
            assert [trial.intermediate_values for trial in found] == [{1: 0.5}]

    def test_a_trial_goes_on_with_the_parameters_it_has(self, study: SharedStudy, storage_url: str) -> None:
        first = study.study.ask()
        rate = first.suggest_float("rate", 0.0, 1.0)
        with open_study(storage_url, "demo") as elsewhere:
            assert elsewhere.trials.resume(first.number).suggest_float("rate", 0.0, 1.0) == rate

    def test_a_study_deleted_by_a_plain_client_leaves_nothing_to_its_successor(
        self, study: SharedStudy, ledger: Ledger, storage_url: str
    ) -> None:
        ledger.stop("enough")
        study.workers.register(WorkerInfo("worker", "host", 1))
        with plain_client(storage_url) as plain:
            optuna.delete_study(study_name="demo", storage=plain)
            optuna.create_study(study_name="demo", storage=plain, direction="maximize")
        assert study_names(storage_url) == []
        with create_study(storage_url, "demo", example_manifest(seed=2)) as successor:
            assert successor.manifest.seed == 2
            assert (successor.ledger.counts(), successor.ledger.stop_reason()) == (SlotCounts(), None)
            assert successor.workers.all() == []

    def test_a_worker_of_a_deleted_study_is_told(self, study: SharedStudy, ledger: Ledger) -> None:
        lease = claimed(ledger)

        optuna.delete_study(study_name="demo", storage=study.trials.storage)
        with pytest.raises(LeaseLost, match="deleted"):
            ledger.renew(lease, LEASE_S)
        with pytest.raises(StudyNotFound, match="deleted"):
            ledger.claim("worker", LEASE_S)
        with pytest.raises(StudyNotFound, match="deleted"):
            study.workers.register(WorkerInfo("worker", "host", 1))

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
        study.ledger.order_up_to(6, order_of=SlotOrder)
        leases = [claimed(study.ledger) for _ in range(5)]
        states: tuple[OutcomeState, ...] = ("failed", "complete", "pruned", "diverged")
        for lease, state in zip(reversed(leases[:4]), states, strict=True):
            study.ledger.finish(lease, Outcome(state=state, value=None, reason=f"it was {state}", kind="crash"))
        backdate_finishes(study)
        expected = SlotCounts(total=6, waiting=1, leased=1, complete=1, pruned=1, diverged=1, failed=1)
        assert study.ledger.counts() == expected
        assert [done.outcome.state for done in study.ledger.outcomes(3)] == ["failed", "complete", "pruned"]

    @pytest.mark.parametrize(("direction", "expected"), [("maximize", [3, 1, 0]), ("minimize", [2, 0, 3])])
    def test_the_best_slots_are_completed_ones_and_of_equals_that_of_the_earlier_trial(
        self, study: SharedStudy, direction: Direction, expected: list[int]
    ) -> None:
        study.ledger.order_up_to(6, order_of=SlotOrder)
        for trial, value in ((2, 0.5), (3, 0.9), (0, 0.1), (1, 0.9)):  # several workers bind slots in any order
            lease = claimed(study.ledger)
            study.ledger.bind(lease, lambda _, number=trial: number)  # type: ignore[misc]
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

    # workers

    def test_a_worker_is_heard_of_until_it_leaves(self, study: SharedStudy) -> None:
        info = WorkerInfo("worker-1", "host", 42, "GPU 0", {"keras": "3.15"})
        study.workers.register(info)
        study.workers.beat("worker-1", doing="training", slot=3)
        study.workers.beat("worker-1")
        (row,) = study.workers.all()
        assert (row.info, row.state, row.left) == (info, {"doing": "training", "slot": 3}, None)
        assert row.age_s >= 0
        study.workers.leave("worker-1", "the search is complete")
        assert study.workers.all()[0].left == "the search is complete"

    def test_a_worker_that_comes_again_starts_anew(self, study: SharedStudy) -> None:
        for pid in (1, 2):
            study.workers.register(WorkerInfo("worker", "host", pid))
            study.workers.leave("worker", "stopped")
        study.workers.register(WorkerInfo("worker", "host", 3))
        assert [(row.info.pid, row.left) for row in study.workers.all()] == [(3, None)]

    def test_the_clock_of_the_database_moves_on(self, study: SharedStudy) -> None:
        times: list[float] = []
        for _ in range(2):
            with reading(study.engine) as connection:
                times.append(connection.execute(sa.select(database_now())).scalar_one())
        assert 1.7e9 < times[0] <= times[1]
