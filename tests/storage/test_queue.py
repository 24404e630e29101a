"""The queue of workers that serve all studies: who goes where, who stays, who is one too many."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import SharedStudy, create_study, open_study
from storage.errors import StudyNotFound
from storage.queue import (
    QueueEntry,
    QueuePlace,
    Standing,
    is_needed_elsewhere,
    next_study,
    open_queue,
    queue_entries,
)
from storage.records import Outcome, SlotOrder, WorkerInfo
from storage.testkit import LEASE_S, bound, claimed, example_manifest, set_clock_back


def made(url: str, name: str, slots: int) -> SharedStudy:
    shared = create_study(url, name, example_manifest())
    shared.ledger.order_up_to(slots, lambda number: SlotOrder(seed=number))
    return shared


def register(shared: SharedStudy, *names: str) -> None:
    for name in names:
        shared.workers.register(WorkerInfo(name, "host", 1, "cpu", {}))


def entries(url: str) -> list[QueueEntry]:
    with open_queue(url) as engine:
        return queue_entries(engine)


def test_a_worker_that_looks_for_work_sees_what_is_open(storage_url: str) -> None:
    with made(storage_url, "one", 3) as one, made(storage_url, "two", 2) as two, made(storage_url, "over", 0):
        one.queue.set(QueuePlace(priority=4, max_workers=2, owner="me"))
        register(one, "a")
        claimed(one.ledger, "a")
        two.ledger.stop("enough")
        [entry] = entries(storage_url)
    assert (entry.name, entry.claimable, entry.workers, entry.unsettled) == ("one", 2, 1, False)
    assert entry.place == QueuePlace(4, 2, "me")
    assert entry.room == 1


def test_a_trial_that_no_worker_settled_needs_one(storage_url: str) -> None:
    with made(storage_url, "study", 1) as shared:
        lease = claimed(shared.ledger)
        lease = bound(shared.ledger, lease, shared.study.ask().number)
        shared.ledger.finish(lease, Outcome("complete", 1.0))
        assert entries(storage_url) == []
        set_clock_back(shared, -60.0)  # a minute has passed
        [entry] = entries(storage_url)
    assert (entry.claimable, entry.unsettled, entry.room) == (0, True, 1)


def test_workers_stand_in_the_order_in_which_they_joined(storage_url: str) -> None:
    with made(storage_url, "study", 3) as shared, made(storage_url, "other", 3) as other:
        register(other, "elsewhere")
        register(shared, "first", "second", "third", "gone")
        shared.workers.leave("gone", "told to leave")
        shared.queue.set(QueuePlace(max_workers=2))
        found = {name: shared.queue.standing(name) for name in ("first", "second", "third")}
    assert {name: (one.older, one.newer) for name, one in found.items()} == {
        "first": (0, 2),
        "second": (1, 1),
        "third": (2, 0),
    }
    assert [name for name, one in found.items() if one.is_wanted] == ["first", "second"]


def test_a_paused_study_wants_no_worker(storage_url: str) -> None:
    with made(storage_url, "study", 1) as shared:
        register(shared, "worker")
        assert shared.queue.standing("worker").is_wanted
        shared.queue.set(msgspec.structs.replace(shared.queue.place(), paused=True))
        assert not shared.queue.standing("worker").is_wanted
    [entry] = entries(storage_url)
    assert entry.room == 0


def test_a_deleted_study_has_no_place(storage_url: str) -> None:
    with made(storage_url, "study", 1) as shared, open_study(storage_url, "study") as other:
        other.trials.storage.delete_study(other.study_id)
        with pytest.raises(StudyNotFound):
            shared.queue.set(QueuePlace(priority=1))
        with pytest.raises(StudyNotFound):
            shared.queue.place()


def entry(number: int, workers: int, priority: int = 0, max_workers: int | None = None) -> QueueEntry:
    return QueueEntry(f"study {number}", number, str(number), QueuePlace(priority, max_workers), 100, False, workers)


def test_a_free_worker_goes_by_priority_then_by_need_then_by_age() -> None:
    low, crowded, oldest = entry(1, 1), entry(2, 3, priority=2), entry(3, 1, priority=2)
    youngest, full = entry(4, 1, priority=2), entry(5, 2, priority=9, max_workers=2)
    everything = [low, crowded, oldest, youngest, full]
    order = []
    while (found := next_study(everything)) is not None:
        order.append(found)
        everything.remove(found)
    assert order == [oldest, youngest, crowded, low]


@dataclass
class Fleet:
    """Workers that go from study to study; each list of workers is in the order in which they joined."""

    places: Sequence[QueuePlace]
    at_work: dict[int, list[int]] = field(default_factory=dict)

    def entries(self) -> list[QueueEntry]:
        return [
            QueueEntry(str(number), number, str(number), place, 1_000, False, len(self.at_work[number]))
            for number, place in enumerate(self.places)
        ]

    def step(self, worker: int, study: int) -> bool:
        """One worker looks around between two trials; whether it moved."""
        here = self.at_work[study]
        standing = Standing(self.places[study], here.index(worker), len(here) - 1 - here.index(worker))
        if standing.is_wanted and not is_needed_elsewhere(str(study), standing, self.entries()):
            return False
        here.remove(worker)
        found = next_study(self.entries())
        if found is not None:
            self.at_work[found.study_id].append(worker)
        return found is None or found.study_id != study


PLACES = st.lists(
    st.builds(QueuePlace, priority=st.integers(0, 2), max_workers=st.one_of(st.none(), st.integers(0, 4))),
    min_size=1,
    max_size=4,
)


@given(places=PLACES, beginnings=st.lists(st.integers(0, 3), max_size=12), data=st.data())
def test_workers_share_themselves_out_and_then_stay(
    places: list[QueuePlace], beginnings: list[int], data: st.DataObject
) -> None:
    fleet = Fleet(places, {number: [] for number in range(len(places))})
    for worker, study in enumerate(beginnings):
        fleet.at_work[study % len(places)].append(worker)
    for _ in range(20 * len(beginnings) + 1):
        moves = [(worker, study) for study, there in fleet.at_work.items() for worker in there]
        moved = [fleet.step(worker, study) for worker, study in data.draw(st.permutations(moves))]
        if not any(moved):
            break
    else:
        pytest.fail(f"the workers never stay: {fleet.at_work}")
    rooms = fleet.entries()
    for one in rooms:
        assert one.place.max_workers is None or one.workers <= one.place.max_workers
        for other in rooms:
            if one.workers and other.room > 0:
                assert one.place.priority >= other.place.priority
                if one.place.priority == other.place.priority:
                    assert one.workers - other.workers <= 1


def test_leases_that_ran_out_are_free(storage_url: str) -> None:
    with made(storage_url, "study", 1) as shared:
        lease = shared.ledger.claim("worker", LEASE_S)
        assert lease is not None
        assert entries(storage_url) == []
        shared.ledger.release(lease)
        assert [one.claimable for one in entries(storage_url)] == [1]
