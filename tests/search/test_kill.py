"""kill -9 of any process, at any moment: the study ends with exactly its trials, as if nothing had happened.

One worker, no pruner: then the same seed must give the same parameters and values, however often it is interrupted.
"""

import json
import os
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from optuna.trial import TrialState

from tests.helpers.launches import Prepared, PrepareStudy, StartLaunch
from tests.helpers.waiting import wait_until

N_TRIALS = 2
EPOCHS = 4
OPTIONS: dict[str, Any] = {"n_trials": N_TRIALS, "epochs": EPOCHS, "seed": 3, "pruner": "none", "limit_train": 200}

Outcomes = list[tuple[dict[str, Any], dict[str, float]]]


def outcomes(study: Prepared) -> Outcomes:
    """The parameters and the learning curve of each trial, in order, as JSON gives them back."""
    with study.open() as shared:
        trials = shared.study.get_trials()
    found = [(trial.params, trial.intermediate_values) for trial in trials]
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def require_exactly_once(study: Prepared) -> None:
    """All trials are complete, and no epoch is missing or there twice."""
    with study.open() as shared:
        trials, epochs = shared.study.get_trials(), shared.ledger.all_epochs()
        slots = shared.ledger.slots()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * N_TRIALS
    wanted = [(number, epoch) for number in range(N_TRIALS) for epoch in range(1, EPOCHS + 1)]
    assert [(row.trial_number, row.scores.epoch) for row in epochs] == wanted
    assert all(slot.confirmed for slot in slots)


@pytest.fixture
def undisturbed(launch: StartLaunch, prepared: PrepareStudy, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What a search gives that isn't interrupted; made once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared_folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kept = shared_folder / "undisturbed.json"
    with FileLock(shared_folder / "undisturbed.lock"):
        if not kept.exists():
            kept.write_text(json.dumps(search(launch, prepared)))
    found: Outcomes = json.loads(kept.read_text())
    return found


def await_epochs(study: Prepared, epochs: int) -> None:
    """Waits until that many epochs are recorded."""
    wait_until(lambda: study.epochs() >= epochs, f"{epochs} epochs")


def search(launch: StartLaunch, prepared: PrepareStudy) -> Outcomes:
    study = prepared(**OPTIONS)
    running = launch(*study.arguments, "--n-workers", 1)
    running.finish()
    assert running.code == 0, running.errors
    found = outcomes(study)
    for path in (Path(study.url.removeprefix("sqlite:///"))).parent.glob("search.db*"):
        path.unlink()  # the test that asked for it starts again
    return found


def test_the_same_seed_and_one_worker_give_the_same_parameters_and_values(
    undisturbed: Outcomes, launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(**OPTIONS)
    running = launch(*study.arguments, "--n-workers", 1)
    running.finish()
    require_exactly_once(study)
    assert outcomes(study) == undisturbed


@pytest.mark.parametrize("role", ["trainer", "worker", "trainer_server"])
def test_a_search_survives_the_death_of_its(
    role: str,
    undisturbed: Outcomes,
    launch: StartLaunch,
    prepared: PrepareStudy,
) -> None:
    study = prepared(**OPTIONS)
    running = launch(*study.arguments, "--n-workers", 1, own_server=role == "trainer_server")
    for epochs in moments(role, deaths=1):
        await_epochs(study, epochs)
        (victim,) = wait_until(lambda: running.children(role), f"a living {role}")
        victim.kill()
    running.finish()
    assert running.code == 0, running.errors
    require_exactly_once(study)
    assert outcomes(study) == undisturbed


def test_the_next_launch_finishes_what_a_killed_one_began(
    undisturbed: Outcomes, launch: StartLaunch, prepared: PrepareStudy
) -> None:
    study = prepared(**OPTIONS)
    for epochs in moments("launch", deaths=1):
        running = launch(*study.arguments, "--n-workers", 1)
        await_epochs(study, epochs)
        workers = wait_until(partial(running.children, "worker"), "a worker")
        running.process.kill()
        for worker in workers:
            worker.kill()
    last = launch(*study.arguments, "--n-workers", 1)
    document = json.loads(last.finish())
    assert last.code == 0, last.errors
    assert document["trials"]["complete"] == N_TRIALS
    require_exactly_once(study)
    assert outcomes(study) == undisturbed


def test_workers_finish_the_study_of_a_launch_that_was_killed(launch: StartLaunch, prepared: PrepareStudy) -> None:
    study = prepared(**OPTIONS)
    running = launch(*study.arguments, "--n-workers", 1)
    wait_until(lambda: study.epochs() >= 1, "an epoch")
    running.descendants()
    running.process.kill()
    wait_until(lambda: not running.descendants(), "the worker to finish and leave")
    require_exactly_once(study)


def moments(what: str, deaths: int) -> list[int]:
    """After how many epochs of the search a process dies, drawn at random, but the same each time the tests run."""
    return sorted(random.Random(what).sample(range(1, N_TRIALS * EPOCHS - 1), deaths))
