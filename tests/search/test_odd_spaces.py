"""Spaces whose models raise, run out of memory, never finish, end the process or diverge, with the real trainer."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from search.trainers.protocol import DataSource
from search.workers.context import Limits, WorkerContext
from storage import SharedStudy
from storage.records import SlotOrder
from storage.testkit import order_all
from tests.helpers.lab import Lab
from tests.helpers.launches import StartLaunch

ODD = """
import os
import time

from spaces import Configuration, Space
from spaces.configuration import Optimizer

KINDS = ("good", "raises", "memory", "exits", "sleeps", "diverges")


def suggest(trial):
    kind = trial.suggest_categorical("kind", KINDS)
    optimizer = Optimizer("sgd", 1e30 if kind == "diverges" else 0.1)
    return Configuration(extra={"kind": kind}, optimizer=optimizer)


def build(configuration, image_shape, classes):
    import keras

    kind = configuration.extra["kind"]
    if kind == "raises":
        raise ValueError("no such layer")
    if kind == "memory":
        raise MemoryError("out of memory while allocating")
    if kind == "exits":
        os._exit(3)
    if kind == "sleeps":
        time.sleep(600)
    inputs = keras.Input(image_shape)
    hidden = keras.layers.Dense(16, "relu")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes)(hidden))


space = Space(name="odd", question="What can go wrong?", suggest=suggest, build=build)
"""

BROKEN = ODD.replace('kind = configuration.extra["kind"]', 'raise ValueError("no such layer")')


@pytest.fixture
def odd(lab: Lab, with_real_trainer: Callable[[WorkerContext], WorkerContext]) -> WorkerContext:
    """A worker with a real trainer on a study of that space."""
    path = lab.folder / "odd.py"
    path.write_text(ODD)
    lab.study(0, space=f"{path}:space", epochs=2, max_attempts=2)
    context = with_real_trainer(lab.context())
    return replace(context, data=DataSource("digits", limit_train=200))


def order(shared: SharedStudy, *kinds: str) -> None:
    order_all(shared.ledger, [SlotOrder(seed=number, params={"kind": kind}) for number, kind in enumerate(kinds)])


def by_kind(shared: SharedStudy) -> dict[str, FrozenTrial]:
    return {trial.params["kind"]: trial for trial in shared.study.get_trials()}


def test_one_bad_trial_does_not_end_a_search_and_each_failure_has_its_kind(odd: WorkerContext, lab: Lab) -> None:
    """One test, as the trainer takes seconds to start."""
    order(odd.shared, "raises", "memory", "diverges", "exits", "good")
    lab.work(odd)
    order(odd.shared, "raises", "memory", "diverges", "exits", "good", "sleeps")
    lab.work(replace(odd, limits=Limits(trial_timeout_s=2.0)))
    trials = by_kind(odd.shared)
    failures = {kind: trial.user_attrs.get("failure") for kind, trial in trials.items() if kind != "diverges"}
    assert failures == {
        "raises": "space_error",
        "memory": "out_of_memory",
        "exits": "crash",
        "good": None,
        "sleeps": "timeout",
    }
    assert trials["good"].state is TrialState.COMPLETE
    assert "ValueError: no such layer" in trials["raises"].user_attrs["reason"]
    assert "2 attempts in a row" in trials["exits"].user_attrs["reason"]
    assert "exit code 3" in trials["exits"].user_attrs["reason"]
    assert trials["diverges"].state is TrialState.PRUNED
    assert trials["diverges"].user_attrs["outcome"] == "diverged"
    assert "not finite" in trials["diverges"].user_attrs["reason"]


def test_a_search_in_which_every_trial_fails_stops_early_with_the_reason(launch: StartLaunch, tmp_path: Path) -> None:
    space = tmp_path / "broken.py"
    space.write_text(BROKEN)
    running = launch("--space", f"{space}:space", "--n-trials", 30, "--n-workers", 1, "-f", "json")
    document = json.loads(running.finish())
    assert running.code == 1
    assert 3 <= document["trials"]["failed"] < 30
    assert "no such layer" in document["stop_reason"]
    assert "Error: the search was stopped" in running.errors
    assert "no such layer" in running.errors
    assert "Traceback" not in running.errors
