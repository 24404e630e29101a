"""A launch whose first job fails leaves no study of its own behind: with an engine in memory, and a real database."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.storages import RDBStorage

from search.cluster.engines import slurm
from search.cluster.fleet import Fleet, Job, JobState
from search.errors import UsageError
from search.launch import main
from storage import SharedStudy, open_study, study_names
from storage.errors import StorageUnreachable
from storage.records import WorkerInfo

LAST_WORDS = "the node can't reach the database"
Happening = Callable[[], None]


class FailingCluster(slurm.Slurm):
    """Slurm, but for its jobs: each writes a log and ends in that state, once what is to happen meanwhile has."""

    def __init__(self, state: JobState = "failed", meanwhile: Happening = lambda: None) -> None:
        self.state, self.meanwhile, self.jobs = state, meanwhile, list[Job]()

    def require_accepted(self, fleet: Fleet, count: int) -> None: ...

    def shares_files(self, _: Fleet, /) -> bool:
        return True

    def submit(self, fleet: Fleet, count: int) -> None:
        fleet.folder.mkdir(parents=True, exist_ok=True)
        (fleet.folder / "slurm-7_0.log").write_text(LAST_WORDS)
        self.jobs += [Job(f"7_{number}", self.state) for number in range(count)]
        self.meanwhile()

    def list(self, _: Fleet) -> tuple[Job, ...]:
        return tuple(self.jobs)

    def cancel(self, _: Fleet) -> None:
        self.jobs = [replace(job, state="done") if job.state == "queued" else job for job in self.jobs]


class Launches:
    """Launches on a cluster, and what there is after them."""

    def __init__(self, url: str, artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url, self.artifacts, self._monkeypatch = url, artifacts, monkeypatch

    def __call__(self, *flags: str) -> object:
        """Runs the command; returns its exit code."""
        asked = ("--space", "bn_dropout", "--study-name", "S", "--n-trials", "2", "--limit-train", "400")
        places = ("--storage", self.url, "--artifacts", str(self.artifacts))
        with pytest.raises(SystemExit) as ended:
            main([*asked, *places, *flags])
        return ended.value.code

    def on(self, cluster: slurm.Slurm) -> object:
        """Runs it on that cluster."""
        self._monkeypatch.setattr(slurm, "Slurm", lambda: cluster)
        return self("--on", "slurm", "--workers", "3")

    def study(self) -> SharedStudy:
        return open_study(self.url, "S")


@pytest.fixture
def launches(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launches:
    monkeypatch.chdir(tmp_path)
    return Launches(postgres_url, tmp_path / "shared" / "team" / "artifacts", monkeypatch)


def test_a_first_job_that_fails_takes_the_new_study_and_its_folders_with_it(
    launches: Launches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shared").mkdir()
    assert launches.on(FailingCluster()) == 3
    said = capsys.readouterr().err
    assert LAST_WORDS in said
    assert "slurm-7_0.log" not in said  # which is gone
    assert "The study S, which this command had created, was removed again, with the logs of its jobs." in said
    assert study_names(launches.url) == []
    assert list((tmp_path / "shared").iterdir()) == []


def test_what_was_there_before_stays(launches: Launches, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, and then a study of that name."""
    launches.artifacts.mkdir(parents=True)
    assert launches.on(FailingCluster()) == 3
    assert list(launches.artifacts.iterdir()) == []
    assert launches("--n-workers", "0") == 0
    with launches.study() as before:
        assert launches.on(FailingCluster()) == 3
        assert before.ledger.counts().total == 2
    assert "removed" not in capsys.readouterr().err.rpartition("one job is submitted first")[2]
    assert (launches.artifacts / "S" / "cluster" / "slurm-7_0.log").is_file()


def test_ctrl_c_says_that_the_jobs_which_were_submitted_stay(
    launches: Launches, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster = FailingCluster("queued", interrupt)
    assert launches.on(cluster) == 130
    assert [job.state for job in cluster.jobs] == ["queued"]
    said = " ".join(capsys.readouterr().err.split())
    assert "Jobs that were submitted stay: python -m search.cluster down --on slurm --study-name S ends them" in said


def test_jobs_that_wait_are_ended_first_where_the_others_are_refused(
    launches: Launches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one was accepted and waits."""
    monkeypatch.setattr("search.cluster.actions.QUEUED_S", -1.0)
    cluster = FailingCluster("queued")

    def refuse() -> None:
        if len(cluster.jobs) > 1:
            cluster.jobs = cluster.jobs[:1]
            raise UsageError("no more than one job for each of you")

    cluster.meanwhile = refuse
    assert launches.on(cluster) == 2
    assert [job.state for job in cluster.jobs] == ["done"]
    assert study_names(launches.url) == []
    assert not launches.artifacts.exists()


def test_a_study_that_a_worker_has_joined_stays(launches: Launches, capsys: pytest.CaptureFixture[str]) -> None:
    """One of all studies was faster than the first job."""

    def join() -> None:
        with launches.study() as shared:
            shared.workers.register(WorkerInfo("w", "another host", 1))

    assert launches.on(FailingCluster(meanwhile=join)) == 3
    assert "The study S stays, as workers have joined it." in capsys.readouterr().err
    assert study_names(launches.url) == ["S"]


def test_a_removal_that_fails_is_said(
    launches: Launches, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageUnreachable("the database is away")

    monkeypatch.setattr(RDBStorage, "delete_study", fail)
    assert launches.on(FailingCluster()) == 3
    said = capsys.readouterr().err
    assert LAST_WORDS in said
    assert "couldn't be removed: the database is away. Remove it with python -m search.cluster down --on slurm" in said
    assert "python -m search.studies delete S" in said
