"""The studies of a database: a line for each, also for those of other programs and for damaged ones."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from search.study.alive import is_alive
from search.study.folders import StudyFolder
from search.study.snapshot import find_best
from search.views.layout import TextTable, table_text
from search.views.times import duration
from search.workers.join import study_folder
from storage import SharedStudy, comparison, open_study
from storage.errors import NotAStudyDatabase, SchemaTooNew, StudyNotFound
from storage.queue import QueuePlace

Kind = Literal["search"] | comparison.Kind
MEGABYTE = 1e6


@dataclass(frozen=True)
class StudyOverview:
    """One study. `finished` of `trials` have their result; `workers` are at work now; `seen_s` is the time in seconds
    since any worker was last seen; `bytes` is the size of its files on this host. `place` is that
    in the queue.
    """

    name: str
    kind: Kind
    space: str
    dataset: str
    finished: int
    trials: int
    objective: str
    best: float | None
    best_trial: int | None
    workers: int
    seen_s: float | None
    stop_reason: str | None
    bytes: int
    place: QueuePlace


@dataclass(frozen=True)
class UnreadableStudy:
    """A study that can't be read, and why."""

    name: str
    problem: str


def overviews(storage: str, names: Iterable[str]) -> list[StudyOverview | UnreadableStudy]:
    """The studies of these names, those that are deleted meanwhile left out.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    found = list[StudyOverview | UnreadableStudy]()
    for name in names:
        try:
            with open_study(storage, name, only_look=True) as shared:
                found.append(overview(shared))
        except StudyNotFound:
            continue
        except (NotAStudyDatabase, SchemaTooNew) as error:
            found.append(UnreadableStudy(name, str(error)))
    return found


def overview(shared: SharedStudy) -> StudyOverview:
    """The study as it is now."""
    manifest, counts, best = shared.manifest, shared.ledger.counts(), find_best(shared)
    workers = shared.workers.all()
    return StudyOverview(
        name=shared.name,
        kind="search" if manifest.comparison is None else manifest.comparison.kind,
        space=manifest.space,
        dataset=manifest.dataset,
        finished=counts.finished,
        trials=counts.total,
        objective=manifest.objective,
        best=None if best is None else best.value,
        best_trial=None if best is None else best.number,
        workers=sum(map(is_alive, workers)),
        seen_s=min((worker.age_s for worker in workers), default=None),
        stop_reason=shared.ledger.stop_reason(),
        bytes=size_of(shared, study_folder(shared, None)),
        place=shared.queue.place(),
    )


def size_of(shared: SharedStudy, folder: StudyFolder) -> int:
    """The bytes of the study's files on this host: its own folder, and what it keeps in the artifact store there."""
    own = [path for path in folder.root.rglob("*") if path.is_file() and not path.is_symlink()]
    kept = [] if folder.remote else [folder.models / file.artifact_id for file in shared.kept.all()]
    return sum(path.stat().st_size for path in (*own, *kept) if path.is_file())


def as_document(found: Iterable[StudyOverview | UnreadableStudy]) -> list[dict[str, Any]]:
    """The studies for a JSON document."""
    return [
        {**asdict(one), "place": msgspec.structs.asdict(one.place)} if isinstance(one, StudyOverview) else asdict(one)
        for one in found
    ]


def overview_text(found: list[StudyOverview | UnreadableStudy], where: str) -> str:
    """The studies as a table; below it, those that can't be read."""
    readable = [one for one in found if isinstance(one, StudyOverview)]
    number = f"{len(found) or 'no'} {'study' if len(found) == 1 else 'studies'} in {where}"
    columns: tuple[str, ...] = ("study", "kind", "space", "images", "trials", "best", "workers", "last seen", "MB")
    rows = tuple(map(row, readable))
    if any(one.place != QueuePlace() for one in readable):
        columns += ("owner", "priority", "at most")
        rows = tuple((*cells, *place_cells(one.place)) for cells, one in zip(rows, readable, strict=True))
    numbers = frozenset({"trials", "best", "workers", "MB", "priority", "at most"})
    table = TextTable(number, columns, rows, numbers)
    problems = [f"{one.name}: {one.problem}" for one in found if isinstance(one, UnreadableStudy)]
    return "\n".join([table_text(table) if readable else number, *problems]).rstrip("\n")


def row(one: StudyOverview) -> tuple[str, ...]:
    """A line of the table."""
    return (
        one.name,
        one.kind,
        named(one.space),
        named(one.dataset),
        f"{one.finished}/{one.trials}",
        "" if one.best is None else f"{one.best:.4f} (trial {one.best_trial})",
        str(one.workers),
        "never" if one.seen_s is None else f"{duration(one.seen_s)} ago",
        f"{one.bytes / MEGABYTE:.1f}",
    )


def place_cells(place: QueuePlace) -> tuple[str, ...]:
    """A place in the queue as cells of the table."""
    return place.owner or "", str(place.priority), "" if place.max_workers is None else str(place.max_workers)


def named(reference: str) -> str:
    """A reference to a file or folder without the folders that it lies in."""
    return Path(reference).name if Path(reference).is_absolute() else reference
