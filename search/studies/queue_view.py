"""The queue of a database's studies: who goes first, with how many workers, and how far each is."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import msgspec

from search.errors import UsageError
from search.study.snapshot import take_snapshot
from search.views.layout import TextTable, table_text
from search.views.times import duration
from search.workers.join import study_folder
from search.workers.paused import end_paused
from storage import SharedStudy, open_study
from storage.errors import NotAStudyDatabase, SchemaTooNew, StudyNotFound
from storage.queue import QueuePlace

State = Literal["open", "paused", "stopped", "done"]


@dataclass(frozen=True)
class QueuedStudy:
    """A study of the queue: its place, how many of its trials are done, who works on it, and the seconds that are left
    at its pace, None while that isn't known.
    """

    name: str
    state: State
    place: QueuePlace
    finished: int
    trials: int
    workers: int
    best: float | None
    seconds_left: float | None
    stop_reason: str | None


def queued_studies(storage: str, names: Iterable[str]) -> list[QueuedStudy]:
    """The studies of these names, those that go first at the top; left out are those that can't be read, which
    search.studies lists.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    found = list[QueuedStudy]()
    for name in names:
        try:
            with open_study(storage, name, only_look=True) as shared:
                found.append(queued(shared))
        except (StudyNotFound, NotAStudyDatabase, SchemaTooNew):
            continue
    order: dict[State, int] = {"open": 0, "paused": 1, "stopped": 2, "done": 3}
    return sorted(found, key=lambda one: (order[one.state], -one.place.priority))


def queued(shared: SharedStudy) -> QueuedStudy:
    """The study as it is now."""
    snapshot, place = take_snapshot(shared), shared.queue.place()
    counts, stopped = snapshot.counts, snapshot.stop_reason
    if counts.finished == counts.total:
        state: State = "done"
    else:
        state = "stopped" if stopped is not None else "paused" if place.paused else "open"
    return QueuedStudy(
        name=shared.name,
        state=state,
        place=place,
        finished=counts.finished,
        trials=counts.total,
        workers=sum(worker.activity != "lost" for worker in snapshot.workers),
        best=None if snapshot.best is None else snapshot.best.value,
        seconds_left=snapshot.seconds_left,
        stop_reason=stopped,
    )


def change_place(storage: str, names: Iterable[str], **changes: Any) -> list[str]:
    """Changes the places of studies; says of each what it is now.

    Raises:
        StorageError: a study isn't there; those before it are changed.
    """
    said = []
    for name in names:
        with open_study(storage, name) as shared:
            place = msgspec.structs.replace(shared.queue.place(), **changes)
            shared.queue.set(place)
            said.append(f"{name}: {place_words(place)}.")
    return said


def cancel(storage: str, names: Iterable[str], reason: str) -> list[str]:
    """Cancels studies: trials that run are finished, no others are started."""
    said = []
    for name in names:
        with open_study(storage, name) as shared:
            shared.ledger.stop(reason)
            end_paused(shared, study_folder(shared, None))
            counts = shared.ledger.counts()
            said.append(f"{name}: canceled; {counts.leased} trials are being finished, {counts.waiting} stay waiting.")
    return said


def resume(storage: str, names: Iterable[str]) -> list[str]:
    """Ends pauses, and takes back what stopped a study."""
    said = change_place(storage, names, paused=False)
    for name in names:
        with open_study(storage, name) as shared:
            shared.ledger.resume()
    return said


def place_words(place: QueuePlace) -> str:
    """A place in words."""
    most = "any number of workers" if place.max_workers is None else f"at most {place.max_workers} workers"
    owner = f", owner {place.owner}" if place.owner else ""
    return f"{'paused, ' if place.paused else ''}priority {place.priority}, {most}{owner}"


def require_known(names: Iterable[str], known: Iterable[str]) -> None:
    """Raises UsageError if a study isn't there, before any is changed."""
    there = set(known)
    if missing := [name for name in names if name not in there]:
        raise UsageError(
            f"there is no study {', '.join(map(repr, missing))}; there are: {', '.join(sorted(there)) or 'none'}"
        )


def queue_text(found: list[QueuedStudy], where: str) -> str:
    """The queue as a table."""
    columns = ("study", "state", "priority", "owner", "trials", "workers", "at most", "best", "left")
    numbers = frozenset({"priority", "trials", "workers", "at most", "best"})
    if not found:
        return f"no study in {where}"
    return table_text(TextTable(f"queue of {where}", columns, tuple(map(row, found)), numbers)).rstrip("\n")


def row(one: QueuedStudy) -> tuple[str, ...]:
    """A line of the table."""
    return (
        one.name,
        one.state,
        str(one.place.priority),
        one.place.owner or "",
        f"{one.finished}/{one.trials}",
        str(one.workers),
        "" if one.place.max_workers is None else str(one.place.max_workers),
        "" if one.best is None else f"{one.best:.4f}",
        "" if one.seconds_left is None or one.state == "done" else duration(one.seconds_left),
    )


def as_document(found: Iterable[QueuedStudy]) -> list[dict[str, Any]]:
    """The queue for a JSON document."""
    return [{**asdict(one), "place": msgspec.structs.asdict(one.place)} for one in found]
