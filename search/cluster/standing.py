"""A fleet as it is: the engine's jobs joined with the study's workers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from search.cluster.fleet import ACTIVE, EngineName, Job, job_name
from search.study.alive import is_alive
from storage.records import WorkerRow

PlaceState = Literal["queued", "starting", "at work", "idle", "leaving", "lost", "failed", "done"]
CLOCKS_S = 5.0  # the engine's and the database's clocks, and the engine's rounding


@dataclass(frozen=True)
class PlaceStatus:
    """A job with its workers. `at_work` of its `workers` have a trial in hand; `seen_s` is how long ago the last of
    them was last seen, None if there is none; `reason` is the engine's.
    """

    job: str
    state: PlaceState
    host: str
    workers: int
    at_work: int
    seen_s: float | None
    reason: str


@dataclass(frozen=True)
class Standing:
    """The workers of a study at one moment, by their jobs, with the ids of those that have a trial in hand. `now` is
    the database's clock, in Unix seconds.
    """

    workers: tuple[WorkerRow, ...]
    busy: frozenset[str]
    now: float


def joined(engine: EngineName, jobs: Sequence[Job], standing: Standing) -> tuple[PlaceStatus, ...]:
    """A line for each job that is there or has failed, then for each job that is gone while a worker of it was at work:
    it was lost with its job, and its lease expires.
    """
    by_job = workers_by_job(engine, standing.workers)
    shown = [job for job in jobs if job.state != "done"]
    known = {job_name(engine, job.job_id) for job in jobs if job.state in ACTIVE}
    lines = [place_of(job, by_job.get(job_name(engine, job.job_id), ()), standing) for job in shown]
    gone = [name for name, workers in by_job.items() if name not in known and any(map(is_lost, workers))]
    return (*lines, *(lost_place(name, by_job[name]) for name in gone))


def workers_by_job(engine: EngineName, workers: Iterable[WorkerRow]) -> dict[str, tuple[WorkerRow, ...]]:
    """The workers that haven't left, by the engine's job in which they are."""
    found = dict[str, tuple[WorkerRow, ...]]()
    for worker in workers:
        job = worker.info.job
        if job is not None and job.startswith(f"{engine}:") and worker.left is None:
            found[job] = (*found.get(job, ()), worker)
    return found


def is_lost(worker: WorkerRow) -> bool:
    """Whether a worker is silent that hasn't left."""
    return worker.left is None and not is_alive(worker)


def place_of(job: Job, workers: Sequence[WorkerRow], standing: Standing) -> PlaceStatus:
    """The line of a job; its `workers` may be those of a time before it was queued again."""
    current = [worker for worker in workers if is_of_this_run(worker, job, standing.now)]
    alive = [worker for worker in current if is_alive(worker)]
    at_work = sum(worker.info.worker_id in standing.busy for worker in alive)
    return PlaceStatus(
        job=job.job_id,
        state=state_of(job, alive=len(alive), at_work=at_work, silent=len(current) - len(alive)),
        host=job.host or next((worker.info.host for worker in alive), ""),
        workers=len(alive),
        at_work=at_work,
        seen_s=min((worker.age_s for worker in current), default=None),
        reason=job.reason,
    )


def is_of_this_run(worker: WorkerRow, job: Job, now: float) -> bool:
    """Whether a worker began after its job did, which may have been queued again since."""
    return job.age_s is None or now - worker.started_at <= job.age_s + CLOCKS_S


def state_of(job: Job, *, alive: int, at_work: int, silent: int) -> PlaceState:
    """The state of a job with these numbers of workers that are alive, at work, or silent."""
    match job.state:
        case "queued" | "leaving" | "failed" | "done":
            return job.state
        case "running":
            if alive:
                return "at work" if at_work else "idle"
            return "lost" if silent else "starting"
        case _:
            assert_never(job.state)


def lost_place(name: str, workers: Sequence[WorkerRow]) -> PlaceStatus:
    """The line of a job that is gone."""
    lost = [worker for worker in workers if is_lost(worker)]
    seen = min(worker.age_s for worker in lost)
    return PlaceStatus(name.partition(":")[2], "lost", lost[-1].info.host, 0, 0, seen, "its job is gone")


def in_words(places: Sequence[PlaceStatus]) -> str:
    """A sentence: 4 jobs: 2 at work, 1 starting, 1 queued."""
    counts: Mapping[str, int] = Counter(place.state for place in places)
    parts = ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{len(places)} job{'s' * (len(places) != 1)}{': ' * bool(parts)}{parts}"
