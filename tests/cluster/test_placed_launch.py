"""A launch whose workers a cluster runs: ordered, submitted and watched by one command, which may be left alone."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from search.study.race_answer import stored_answer
from search.study.test_score import recorded_looks, stored_test_score
from search.views.dashboard_attributes import get_note
from storage import study_names
from storage.errors import StudyNotFound
from tests.helpers.carried_out import without_settings
from tests.helpers.cluster import Cli
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

SPACE = ("--space", "bn_dropout", "--study-name", "S", "--epochs", "2", "--pruner", "none", "--limit-train", "400")


def placed(cli: Cli, *more: str) -> tuple[str, ...]:
    return (*SPACE, "--on", "slurm", "--artifacts", str(cli.folder / "artifacts"), *more)


@pytest.mark.long
def test_one_command_orders_submits_watches_and_sums_up(cli: Cli) -> None:
    done = cli.run("search.launch", *placed(cli, "--workers", "2", "--n-trials", "6", "-f", "json"))
    result = msgspec.json.decode(done.stdout)
    assert result["trials"]["complete"] == 6
    assert "Submitted to slurm: 2 more." in done.stderr
    with cli.study() as study:
        assert {(worker.info.job or "").partition(":")[0] for worker in study.workers.all()} == {"slurm"}
    cli.cluster("down", on="slurm")


@pytest.mark.long
def test_ctrl_c_leaves_the_search_to_the_cluster_and_says_so(cli: Cli) -> None:
    inherited = without_settings()
    words = [sys.executable, "-m", "search.launch", *placed(cli, "--workers", "1", "--n-trials", "40")]
    process = subprocess.Popen(
        words,
        cwd=cli.folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "OPTUNA_STORAGE": cli.storage},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    while "Submitted to slurm" not in said:  # then it watches
        line = process.stderr.readline()
        assert line, said
        said += line
    wait_until(lambda: cli.at_work(1, on="slurm"), "the job at work")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Detached: the jobs go on." in rest
    assert cli.at_work(1, on="slurm")
    cli.cluster("down", on="slurm")


def test_what_slurm_would_refuse_is_refused_before_a_study_is_created(cli: Cli) -> None:
    refused = cli.run("search.launch", *placed(cli, "--workers", "2", "--queue", "nowhere"), code=2)
    assert "sbatch says: sbatch: error: invalid partition specified: nowhere" in refused.stderr
    refused = cli.run("search.launch", *placed(cli, "--workers", "2", "--gpus", "63"), code=2)
    assert "Requested node configuration is not available" in refused.stderr
    assert not (cli.folder / "artifacts").exists()
    with contextlib.suppress(StudyNotFound):
        assert study_names(cli.storage) == []


@pytest.mark.long
def test_detached_from_a_search_of_ten_trials_the_workers_give_its_answer(cli: Cli) -> None:
    few = (
        "--workers",
        "2",
        "--n-trials",
        "10",
        "--limit-train",
        "1000",
        "--epochs",
        "4",
        "--answer-share",
        "2",
        "--detach",
    )
    done = cli.run("search.launch", *placed(cli, *few))
    assert "The workers also give the answer" in done.stderr
    with cli.study() as study:
        answer = wait_until(lambda: stored_answer(study), "the answer")
        assert answer.trials == 10
        looks = recorded_looks(study)
        assert [(look.study, look.look) for look in looks] == [(answer.study_name, 1)]
        wait_until(lambda: "nswer" in get_note(study), "the notes of the end")
    wait_until(lambda: not cli.at_work(1, on="slurm"), "the jobs are over")
    cli.cluster("down", on="slurm")


def test_detached_it_submits_and_returns_and_the_last_worker_ends_the_search(cli: Cli) -> None:
    done = cli.run("search.launch", *placed(cli, "--workers", "1", "--n-trials", "2", "--detach"))
    assert "Submitted to slurm: 1 more." in done.stderr
    with cli.study() as study:
        wait_until(lambda: "## Result" in get_note(study), "the notes of the end")
        assert study.ledger.counts().complete == 2
        assert stored_test_score(study) is not None
    cli.cluster("down", on="slurm")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workers", "2"), "--workers and --detach are for a cluster: give --on"),
        (("--on", "slurm"), "how many jobs? Give --workers"),
        (("--on", "slurm", "--workers", "2", "--detach", "--tensorboard", "t"), "leave out --detach"),
        (("--on", "slurm", "--workers", "2", "--gpus", "0,2"), "the number of GPUs per job"),
        (("--on", "slurm", "--workers", "2"), "SQLite is a file of one host"),
        (("--on", "kubernetes", "--workers", "2", "--storage", "postgresql://u@h/d"), "pods need an image"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_study_is_created(
    arguments: tuple[str, ...], said: str, make_cli: type[Cli], tmp_path: Path
) -> None:
    cli = make_cli(f"sqlite:///{tmp_path / 'search.db'}", tmp_path)
    assert said in cli.run("search.launch", "--space", "bn_dropout", *arguments, code=2).stderr
    assert list(tmp_path.iterdir()) == []
