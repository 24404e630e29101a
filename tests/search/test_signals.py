"""Being told to leave: SIGINT, SIGTERM or SIGHUP gives everything back in order, a second Ctrl-C ends it at once."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

from tests.helpers.carried_out import started_in
from tests.helpers.launches import Prepared, PrepareStudy, StartLaunch
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

EPOCHS = 80
ONE_LONG_TRIAL = {"n_trials": 1, "epochs": EPOCHS, "limit_train": 200}


def test_an_interrupted_launch_gives_its_slots_back_and_the_next_goes_on_from_the_checkpoint(
    launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(lease_s=600.0, **ONE_LONG_TRIAL)
    interrupted = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 2, "two epochs")
    interrupted.descendants()
    interrupted.process.send_signal(signal.SIGINT)
    document = json.loads(interrupted.finish())
    assert interrupted.code == 130, interrupted.errors
    assert "Finishing the epoch, handing trials back. Ctrl-C once more ends at once." in interrupted.errors.splitlines()
    assert not interrupted.descendants()
    assert document["trials"]["waiting"] == 1
    with study.open() as shared:
        first_part = len(shared.ledger.all_epochs())
        assert [worker.left for worker in shared.workers.all()] == ["told to leave"]

    resumed = launch(*study.arguments, "--n-workers", 1)
    resumed.finish()
    assert resumed.code == 0, resumed.errors
    with study.open() as shared:
        rows = shared.ledger.all_epochs()
    assert [row.scores.epoch for row in rows] == list(range(1, EPOCHS + 1))
    by_first = [row.scores.epoch for row in rows if row.token == 1]
    assert by_first == list(range(1, first_part + 1))
    assert 2 <= first_part < EPOCHS


def test_sigterm_is_as_good_as_sigint_also_while_nothing_is_trained_yet(
    launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(lease_s=600.0, **ONE_LONG_TRIAL)
    running = launch(*study.arguments, "--n-workers", 1, "-f", "table")
    wait_until(lambda: study.watched().ledger.counts().leased, "the slot to be claimed")
    running.descendants()
    running.process.send_signal(signal.SIGTERM)
    printed = running.finish()
    assert running.code == 75, running.errors
    assert printed.splitlines()[0] == "Ended by a signal to terminate."
    assert running.errors.splitlines()[-1] == "Terminated: 1 trial not done. The same command continues the search."
    assert not running.descendants()
    with study.open() as shared:
        assert (shared.ledger.counts().waiting, shared.ledger.slots()[0].failures) == (1, 0)


def test_the_second_signal_ends_a_launch_and_all_its_processes_at_once(
    launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(**ONE_LONG_TRIAL | {"epochs": 10_000})
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    (worker,) = running.children("worker")
    worker.suspend()  # so that it can't leave in good order
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGTERM)
    running.finish()
    assert running.code == 130
    wait_until(lambda: not running.descendants(), "its worker and trainer to be gone")
    with study.open() as shared:
        assert shared.ledger.counts().leased == 1


def test_sigterm_to_all_processes_of_a_job_costs_no_attempt(launch: StartLaunch, prepared: PrepareStudy) -> None:
    study = prepared(lease_s=600.0, **ONE_LONG_TRIAL | {"epochs": 10_000})
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 2, "two epochs")
    (trainer,) = running.children("trainer")
    for process in [trainer, *(one for one in running.descendants() if one != trainer)]:
        process.send_signal(signal.SIGTERM)
    running.process.send_signal(signal.SIGTERM)
    running.finish()
    assert running.code == 75, running.errors
    wait_until(lambda: not running.descendants(), "its processes to be gone")
    require_given_back(study)


def test_a_launch_whose_terminal_is_closed_ends_its_workers_in_order(
    prepared: PrepareStudy, tmp_path: Path, server_of_trainers: str | None
) -> None:
    study = prepared(lease_s=600.0, **ONE_LONG_TRIAL | {"epochs": 10_000})
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    process = subprocess.Popen(
        [sys.executable, "-m", "search.launch", *study.arguments, "--n-workers", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        **started_in({**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}, server_of_trainers),
    )
    os.close(theirs)
    try:
        wait_until(lambda: read_all(ours) and study.epochs() >= 1, "an epoch")
    finally:
        os.close(ours)
    assert process.wait(60) == 75
    require_given_back(study)


def read_all(terminal: int) -> bool:
    """Reads what the terminal shows, so that there is room for more."""
    with contextlib.suppress(BlockingIOError):
        while os.read(terminal, 4096):
            pass
    return True


def require_given_back(study: Prepared) -> None:
    """The trial waits for the next worker, no attempt at it has failed, and its worker has left in good order."""
    with study.open() as shared:
        (slot,) = shared.ledger.slots()
        assert (slot.state, slot.failures, slot.expiries) == ("waiting", 0, 0)
        assert [worker.left for worker in shared.workers.all()] == ["told to leave"]
