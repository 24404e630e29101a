"""Autoscale adds jobs as open trials ask for them, and never ends one: with an engine in memory, and a real Slurm."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.cluster.autoscaling import JobsFail, one_pass
from search.cluster.engines.slurm import Slurm
from search.cluster.fleet import Fleet, Job, JobState
from search.cluster.last_words import LastWords
from search.cluster.serving_all import SharedFleet
from storage import SharedStudy, create_study
from storage.queue import QueuePlace
from storage.records import SlotOrder, WorkerInfo
from storage.testkit import claimed, example_manifest
from tests.helpers.cluster import Cli, SlurmCluster
from tests.helpers.waiting import wait_until


class MemoryEngine(Slurm):
    """Slurm, but for its jobs, which are records; those submitted wait."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, fleet: Fleet, count: int) -> None:
        assert fleet.name
        self.jobs += [Job(f"1_{len(self.jobs) + number}", "queued") for number in range(count)]

    def list(self, fleet: Fleet) -> tuple[Job, ...]:
        assert fleet.name
        return tuple(self.jobs)

    def last_words(self, fleet: Fleet, job: Job) -> LastWords:
        return LastWords(f"last words of {job.job_id} of {fleet.name}")

    def now(self, state: JobState, *numbers: int) -> None:
        """Has these jobs be in that state."""
        for number in numbers:
            self.jobs[number] = replace(self.jobs[number], state=state)


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def site(engine: MemoryEngine, sqlite_with_tables_url: str, tmp_path: Path) -> SharedFleet:
    fleet = Fleet("search-fleet-1", "", (), tmp_path, sqlite_with_tables_url)
    return SharedFleet(sqlite_with_tables_url, fleet, engine, workers_per_job=2)


def made(site: SharedFleet, name: str, slots: int, place: QueuePlace | None = None) -> SharedStudy:
    shared = create_study(site.url, name, example_manifest())
    shared.ledger.order_up_to(slots, lambda number: SlotOrder(seed=number))
    shared.queue.set(place or QueuePlace())
    return shared


def join(shared: SharedStudy, *jobs: int) -> None:
    """Two workers of each of these jobs join the study, and take a trial."""
    for job in jobs:
        for worker in (f"{shared.name}-{job}-a", f"{shared.name}-{job}-b"):
            shared.workers.register(WorkerInfo(worker, "host", 1, "cpu", {}, f"slurm:1_{job}"))
            claimed(shared.ledger, worker)


def test_one_job_is_submitted_first_and_the_others_when_it_has_joined(site: SharedFleet, engine: MemoryEngine) -> None:
    assert "submitted 0" in one_pass(site, "*", 16)  # no study, no job
    with made(site, "one", 9) as one:
        assert "open trials ask for 9 more workers; submitted 1." in one_pass(site, "*", 16)
        engine.now("running", 0)
        assert "submitted 0" in one_pass(site, "*", 16)  # it is getting ready
        join(one, 0)
        assert "open trials ask for 7 more workers; submitted 4." in one_pass(site, "*", 16)
        assert "submitted 0" in one_pass(site, "*", 16)  # they are on their way
        assert [place.state for place in site.places()] == ["at work", *["queued"] * 4]
        for worker in one.workers.all():
            one.workers.leave(worker.info.worker_id, "went to other work")
        assert [place.state for place in site.places()] == ["idle", *["queued"] * 4]


def test_a_cluster_without_room_gets_all_of_them(site: SharedFleet) -> None:
    with made(site, "one", 9):
        one_pass(site, "*", 16)
        assert "submitted 4." in one_pass(site, "*", 16)


def test_the_most_jobs_the_most_workers_of_a_study_and_pauses_count(site: SharedFleet, engine: MemoryEngine) -> None:
    limited, paused = QueuePlace(max_workers=3), QueuePlace(paused=True)
    with made(site, "limited", 50, limited) as first, made(site, "paused", 50, paused), made(site, "other", 50) as last:
        one_pass(site, "limited", 16)
        engine.now("running", 0)
        join(first, 0)
        assert "ask for 1 more workers; submitted 1." in one_pass(site, "limited", 16)
        assert "ask for 51 more workers; submitted 3." in one_pass(site, "*", 5)
        last.ledger.stop("enough")
        assert "ask for 1 more workers; submitted 0." in one_pass(site, "*", 16)
    assert len(engine.jobs) == 5


def test_jobs_that_fail_before_they_join_are_not_repeated(site: SharedFleet, engine: MemoryEngine) -> None:
    with made(site, "one", 9) as one:
        one_pass(site, "*", 16)
        engine.now("failed", 0)
        with pytest.raises(JobsFail, match="no other was submitted: last words of 1_0 of search-fleet-1"):
            one_pass(site, "*", 16)
        join(one, 0)  # it had joined: one failure, whose place stays empty while the engine remembers it
        assert "submitted 1." in one_pass(site, "*", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("autoscale", "--max-jobs", "2", "--study-name", "S"), "--studies NAME limits it to one"),
        (("autoscale",), "how many jobs at most? Say so"),
        (("up", "--workers", "2"), "name the study with --study-name"),
        (("up", "--workers", "2", "--once", "--study-name", "S"), "--once can't go with up"),
        (("status", "--studies", "a*", "--study-name", "S"), "--studies can't go with status"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], said: str, make_cli: type[Cli], tmp_path: Path
) -> None:
    cli = make_cli("postgresql://user@127.0.0.1:1/none", tmp_path)
    assert said in cli.run("search.cluster", *arguments, "--on", "slurm", code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_real_slurm_runs_what_is_open_and_the_jobs_end_by_themselves(cli: Cli, slurm: SlurmCluster) -> None:
    for name in ("A", "B"):
        cli.order(2, "--epochs", "1", "--limit-train", "400", name=name)
    flags = ("--on", "slurm", "--artifacts", str(cli.folder / "artifacts"), "--max-jobs", "3", "--idle-exit", "1s")
    done = cli.run("search.cluster", "autoscale", "--once", *flags)
    assert "open trials ask for 4 more workers; submitted 1. Now 1 job" in done.stderr
    with cli.study("A") as first, cli.study("B") as second:
        wait_until(lambda: all(study.ledger.counts().finished == 2 for study in (first, second)), "all trials")
        assert {worker.info.job for study in (first, second) for worker in study.workers.all()} != {None}
    wait_until(lambda: not slurm("squeue", "--noheader").split(), "the job's own end")
    done = cli.run("search.cluster", "autoscale", "--once", *flags)
    assert "open trials ask for 0 more workers; submitted 0." in done.stderr
    cli.run("search.cluster", "down", *flags[:4])
    left = [path.name for path in (cli.folder / "artifacts" / ".fleet").glob("cluster-*/*")]
    assert [name for name in left if not name.endswith(".log")] == []
