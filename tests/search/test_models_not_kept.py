"""Models that can't be written to a file, or opened again: their trials have scores, and say why and what to do."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from search.errors import UsageError
from search.exporting.export import ExportOptions, export
from search.launching.options import LaunchOptions
from search.launching.wording import result_json, result_text
from search.trainers.protocol import DataSource
from search.views.configuration_text import described_trial
from search.views.configuration_text import trial_text as best_text
from search.views.facts import gather_facts
from search.workers.context import WorkerContext
from storage import SharedStudy
from storage.records import SlotOrder
from storage.testkit import order_all
from tests.helpers.lab import Lab
from tests.helpers.launches import StartLaunch

SPACE = """
import keras
from spaces import Configuration, Space

KINDS = ("plain", "registered", "no_config", "not_written", "raises", "lacks_a_part", "lambda", "unregistered", "saves")


class Subclassed(keras.Model):
    def __init__(self, classes, inner):
        super().__init__()
        self.inner, self.flat, self.dense = inner, keras.layers.Flatten(), keras.layers.Dense(classes)

    def call(self, images):
        return self.dense(self.flat(images))


class Unregistered(keras.layers.Layer):
    def call(self, images):
        return images


@keras.saving.register_keras_serializable("tests")
class Registered(Unregistered):
    pass


@keras.saving.register_keras_serializable("tests")
class NotWritten(Unregistered):
    def get_config(self):
        return {**super().get_config(), "inner": object()}


@keras.saving.register_keras_serializable("tests")
class Raises(Unregistered):
    def get_config(self):
        raise RuntimeError("no config today")


@keras.saving.register_keras_serializable("tests")
class LacksAPart(Unregistered):
    def __init__(self, units, **others):
        super().__init__(**others)

    def get_config(self):
        return super(Unregistered, self).get_config()


@keras.saving.register_keras_serializable("tests")
class Saves(Unregistered):
    def save_own_variables(self, store):
        raise RuntimeError("no weights today")


def suggest(trial):
    return Configuration(extra={"kind": trial.suggest_categorical("kind", KINDS)})


def build(configuration, input_shape, classes):
    kind = configuration.extra["kind"]
    if kind == "no_config":
        return Subclassed(classes, object())
    layers = {
        "plain": keras.layers.Identity,
        "registered": Registered,
        "not_written": NotWritten,
        "raises": Raises,
        "lacks_a_part": lambda: LacksAPart(3),
        "lambda": lambda: keras.layers.Lambda(lambda images: images * 2),
        "unregistered": Unregistered,
        "saves": Saves,
    }
    last = [keras.layers.Flatten(), keras.layers.Dropout(0.1), keras.layers.Dense(classes)]
    return keras.Sequential([keras.Input(input_shape), layers[kind](), *last])


space = Space(name="own", question="What can be kept?", suggest=suggest, build=build)
"""
WHY = {
    "plain": None,
    "registered": None,
    "no_config": "NotImplementedError: Object Subclassed was created by passing non-serializable argument values",
    "not_written": "TypeError: Cannot serialize object <object object at 0x",
    "raises": "RuntimeError: no config today",
    "lacks_a_part": "missing 1 required positional argument: 'units'",
    "lambda": "whose `function` is a Python lambda",
    "unregistered": "Could not locate class 'Unregistered'",
    "saves": "RuntimeError: no weights today",
}


@pytest.fixture
def own(lab: Lab, with_real_trainer: Callable[[WorkerContext], WorkerContext]) -> WorkerContext:
    """A worker with a real trainer on a study of one trial of each kind."""
    path = lab.folder / "own.py"
    path.write_text(SPACE)
    lab.study(0, space=f"{path}:space", epochs=2, top_models=len(WHY))
    context = replace(with_real_trainer(lab.context()), data=DataSource("digits", limit_train=200))
    order_all(context.shared.ledger, [SlotOrder(seed=1, params={"kind": kind}) for kind in WHY])
    return context


def by_kind(shared: SharedStudy) -> dict[str, FrozenTrial]:
    return {trial.params["kind"]: trial for trial in shared.study.get_trials()}


def test_the_score_of_a_trial_does_not_depend_on_whether_its_model_can_be_kept(
    own: WorkerContext, lab: Lab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One test, as the trainer takes seconds to start."""
    caplog.set_level(logging.WARNING)
    lab.work(own)
    trials = by_kind(own.shared)
    assert {kind: trial.state for kind, trial in trials.items()} == dict.fromkeys(WHY, TrialState.COMPLETE)
    same = {trials[kind].value for kind in ("plain", "registered", "not_written", "raises", "unregistered", "saves")}
    assert len(same) == 1, "models that are the same but for the class of a layer that does nothing"
    problems = {
        kind: trial.user_attrs["model_problem"] for kind, trial in trials.items() if "model_problem" in trial.user_attrs
    }
    for kind, why in WHY.items():
        assert (kind in problems) == (why is not None), kind
        if why is not None:
            assert problems[kind].startswith("its model can't be kept: "), kind
            assert why in problems[kind]
            assert problems[kind].endswith("a Lambda becomes such a class")
            assert "\n" not in problems[kind]
    assert "model_artifact" in trials["plain"].user_attrs
    said = [record.getMessage() for record in caplog.records if "can't be kept" in record.getMessage()]
    assert len(said) == len(set(said)) >= 6, "each reason is a warning, once"

    number = trials["raises"].number
    text = best_text(described_trial(own.shared, str(number)), lab.url)
    assert "not to be exported: its model can't be kept: RuntimeError: no config today" in text
    assert "search.export" not in text
    with pytest.raises(UsageError, match=f"trial {number} can't be exported: its model can't be kept"):
        export(own.shared, ExportOptions(trial=str(number), output=tmp_path / "model.keras"))

    summary = gather_facts(own.shared)
    assert sum(summary.model_problems.values()) == 7
    options = LaunchOptions(space="own.py", storage=lab.url)
    assert " ".join(result_text(summary, options).split()).count("no config today") == 1
    assert "no config today" in result_json(summary, options, 1.0)


def test_the_study_of_a_model_that_cannot_be_kept_ends_with_its_answer(launch: StartLaunch, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(SPACE.replace('KINDS = ("plain", ', 'KINDS = ("no_config",)  # '))
    small = ("--n-trials", 4, "--epochs", 1, "--limit-train", 100, "--n-workers", 1)
    running = launch("--space", path, *small)
    printed = " ".join(running.finish().split())
    assert running.code == 0, running.errors
    assert "4 x its model can't be kept: NotImplementedError: Object Subclassed" in printed
    assert "search.export" not in printed
    assert "Traceback" not in running.errors
