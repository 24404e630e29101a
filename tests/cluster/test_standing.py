"""A fleet's standing joins what the engine says of its jobs with what the study's workers last said."""

import pytest

from search.cluster.fleet import Job
from search.cluster.standing import PlaceState, Standing, in_words, joined
from storage.records import WorkerInfo, WorkerRow

NOW = 1000.0


def worker(job: str, *, age_s: float = 1.0, since_s: float = 50.0, left: str = "", name: str = "w") -> WorkerRow:
    info = WorkerInfo(f"{name}-{job}", "node", 7, job=job)
    return WorkerRow(info=info, state={}, started_at=NOW - since_s, age_s=age_s, left=left or None)


def state(job: Job, *workers: WorkerRow, busy: tuple[str, ...] = ()) -> PlaceState:
    [place] = joined("slurm", [job], Standing(workers, frozenset(busy), NOW))
    return place.state


RUNNING = Job("7_1", "running", "node", age_s=60.0)
LATELY_QUEUED_AGAIN = Job("7_1", "running", "node", age_s=5.0)


def test_a_job_is_queued_then_starting_then_idle_or_at_work() -> None:
    assert state(Job("7_1", "queued")) == "queued"
    assert state(RUNNING) == "starting"
    assert state(RUNNING, worker("slurm:7_1")) == "idle"
    assert state(RUNNING, worker("slurm:7_1"), busy=("w-slurm:7_1",)) == "at work"


def test_a_silent_worker_is_lost_and_one_that_left_is_not() -> None:
    assert state(RUNNING, worker("slurm:7_1", age_s=40.0)) == "lost"
    assert state(RUNNING, worker("slurm:7_1", age_s=40.0, left="told to leave")) == "starting"


def test_the_worker_of_an_earlier_run_of_the_job_does_not_count() -> None:
    before = worker("slurm:7_1", age_s=40.0)
    assert state(LATELY_QUEUED_AGAIN, before) == "starting"
    assert state(LATELY_QUEUED_AGAIN, before, worker("slurm:7_1", since_s=2.0, name="new")) == "idle"


def test_workers_of_other_engines_and_of_no_job_belong_to_no_place() -> None:
    assert state(RUNNING, worker("another:7_1"), worker("slurm:7_11")) == "starting"


def test_a_worker_whose_job_is_gone_is_lost_until_the_job_is_back() -> None:
    silent = worker("slurm:7_1", age_s=300.0)
    [place] = joined("slurm", [], Standing((silent,), frozenset(), NOW))
    assert (place.job, place.state, place.host, place.seen_s) == ("7_1", "lost", "node", 300.0)
    assert state(Job("7_1", "queued"), silent) == "queued"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ((), "0 jobs"),
        (("queued",), "1 job: 1 queued"),
        (("queued", "running", "queued", "failed"), "4 jobs: 2 queued, 1 starting, 1 failed"),
        (("done",), "0 jobs"),
    ],
)
def test_the_fleet_in_a_sentence(states: tuple[str, ...], words: str) -> None:
    jobs = [Job(f"7_{number}", state) for number, state in enumerate(states)]  # type: ignore[arg-type]
    assert in_words(joined("slurm", jobs, Standing((), frozenset(), NOW))) == words
