"""The trainer as its worker meets it: a real process at the other ends of two pipes."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from search.trainers.protocol import (
    DataSource,
    EpochEnd,
    Evaluate,
    Evaluated,
    Failed,
    Message,
    Stop,
    Stopped,
    Trained,
    Warned,
)
from search.training.models.description import CONFIGURATION, LAYERS
from spaces.configuration import (
    Augmentation,
    BatchNorm,
    Block,
    Configuration,
    Dropout,
    EarlyStopping,
    Inputs,
    Optimizer,
    Regularization,
)
from tests.helpers import backends
from tests.helpers.piped_trainer import MakeJob, PipedTrainer, epochs_of, last_of, scores_of

STATEFUL = Configuration(
    batch_norm=BatchNorm("before_activation"),
    dropout=(Dropout("before_every_dense", 0.3),),
    optimizer=Optimizer("momentum", 0.02, 0.9),
)
EVERYTHING = msgspec.structs.replace(
    STATEFUL,
    inputs=Inputs("standardised", Augmentation(flip=True, crop=1)),
    regularization=Regularization(l1=1e-5, l2=1e-4),
    early_stopping=EarlyStopping(None, restore_best=True),
)
MANY = 10_000


def is_epoch(number: int) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, EpochEnd) and message.scores.epoch == number


def checkpoint_arrays(path: Path) -> list[Any]:
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in file.files if name != "meta"]


def test_it_says_what_it_is(trainer: PipedTrainer) -> None:
    assert trainer.ready.backend == backends.NAME
    assert trainer.ready.device.startswith("CPU")


def test_it_trains_a_job_to_its_last_epoch_and_keeps_the_model(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    model = tmp_path / "models" / "best.keras"
    messages = trainer.run(job(model_path=str(model)))
    assert [type(message).__name__ for message in messages] == ["EpochEnd"] * 3 + ["Trained"]
    trained = last_of(messages, Trained)
    assert (trained.parameters, trained.diverged) == (110_474, None)
    sidecars = {model.with_suffix(LAYERS), model.with_suffix(CONFIGURATION)}
    assert set(model.parent.iterdir()) == {model, *sidecars}
    assert "110,474 parameters, 110,474 of them trained" in model.with_suffix(LAYERS).read_text()
    assert msgspec.json.decode(model.with_suffix(CONFIGURATION).read_bytes(), type=Configuration)


@pytest.mark.parametrize(("objective", "to_beat", "kept"), [("val_accuracy", 2.0, False), ("val_loss", 1e6, True)])
def test_a_model_that_cannot_be_among_the_best_is_not_written(
    objective: str, to_beat: float, kept: bool, trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    messages = trainer.run(job(epochs=1, model_path=str(path), objective=objective, value_to_beat=to_beat))
    assert isinstance(messages[-1], Trained)
    assert path.exists() == kept


def test_the_same_job_twice_in_a_warm_trainer_gives_the_same_scores(trainer: PipedTrainer, job: MakeJob) -> None:
    first = trainer.run(job(configuration=STATEFUL, checkpoints=None))
    trainer.run(job(configuration=Configuration(), checkpoints=None))
    assert scores_of(trainer.run(job(configuration=STATEFUL, checkpoints=None))) == scores_of(first)


def test_another_seed_gives_other_scores(trainer: PipedTrainer, job: MakeJob) -> None:
    one, other = (trainer.run(job(seed=seed, checkpoints=None)) for seed in (1, 2))
    assert scores_of(one) != scores_of(other)


def test_the_order_of_images_can_have_a_seed_of_its_own(trainer: PipedTrainer, job: MakeJob) -> None:
    """The same weights to begin with: the first epoch alone tells the orders apart."""
    both, own, other = (
        trainer.run(job(seed=1, order_seed=order, epochs=1, checkpoints=None)) for order in (None, 1, 2)
    )
    assert scores_of(both) == scores_of(own)
    assert scores_of(own) != scores_of(other)


def test_a_killed_and_resumed_trial_equals_an_uninterrupted_one_to_the_last_bit(
    trainer: PipedTrainer, new_trainer: Callable[[], PipedTrainer], job: MakeJob, tmp_path: Path
) -> None:
    whole = job(configuration=EVERYTHING, epochs=6, checkpoints=str(tmp_path / "whole"))
    cut = msgspec.structs.replace(whole, checkpoints=str(tmp_path / "cut"))
    uninterrupted = trainer.run(whole)
    victim = new_trainer()
    victim.send(cut)
    victim.receive_until(is_epoch(2))
    victim.kill()
    resumed = trainer.run(msgspec.structs.replace(cut, token=2))
    assert scores_of(resumed) == scores_of(uninterrupted)
    replayed = [epoch.replayed for epoch in epochs_of(resumed)]
    assert replayed[:2] == [True, True]
    assert replayed[-1] is False
    arrays = (checkpoint_arrays(tmp_path / name) for name in ("whole/token-1.npz", "cut/token-2.npz"))
    for one, other in zip(*arrays, strict=True):
        assert np.array_equal(one, other)


def test_a_checkpoint_of_another_study_or_slot_is_not_resumed_though_the_job_is_the_same(
    trainer: PipedTrainer, job: MakeJob
) -> None:
    first = trainer.run(job(owner="study a/0"))
    for owner in ("study b/0", "study a/1"):
        messages = trainer.run(job(owner=owner, token=2))
        assert "is of another job" in last_of(messages[:1], Warned).message
        assert [epoch.replayed for epoch in epochs_of(messages)] == [False] * 3
    again = trainer.run(job(owner="study a/0", token=3))
    assert [epoch.replayed for epoch in epochs_of(again)] == [True] * 3
    assert scores_of(again) == scores_of(first)


def test_a_job_that_was_finished_before_is_replayed(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    first = trainer.run(job())
    again = trainer.run(job(token=2, model_path=str(tmp_path / "model.keras")))
    assert scores_of(again) == scores_of(first)
    assert all(epoch.replayed for epoch in epochs_of(again))
    assert isinstance(again[-1], Trained)
    assert (tmp_path / "model.keras").exists()


def test_a_stopped_job_can_be_resumed_where_it_was_left(trainer: PipedTrainer, job: MakeJob) -> None:
    trainer.send(job(epochs=MANY))
    messages = trainer.receive_until(is_epoch(1))
    trainer.send(Stop(1))
    messages += trainer.receive_until(lambda message: isinstance(message, Stopped))
    epochs = len(epochs_of(messages))
    assert 1 <= epochs < MANY
    resumed = trainer.run(job(epochs=epochs + 1, token=2))
    whole = trainer.run(job(epochs=epochs + 1, token=3, checkpoints=None))
    assert scores_of(resumed) == scores_of(whole)


def test_a_stop_for_a_job_that_is_over_means_nothing(trainer: PipedTrainer, job: MakeJob) -> None:
    trainer.run(job(checkpoints=None))
    trainer.send(Stop(1))
    assert isinstance(trainer.run(job(job=2, checkpoints=None))[-1], Trained)


def test_a_trainer_whose_worker_is_gone_ends_in_the_middle_of_its_work(
    new_trainer: Callable[[], PipedTrainer], job: MakeJob
) -> None:
    orphan = new_trainer()
    orphan.send(job(epochs=MANY))
    orphan.receive_until(is_epoch(1))
    orphan.hang_up()
    assert orphan.wait() == 0


def test_an_interrupt_is_left_to_the_worker(trainer: PipedTrainer, job: MakeJob) -> None:
    trainer.send(job(checkpoints=None))
    trainer.receive_until(is_epoch(1))
    os.kill(trainer.pid, signal.SIGINT)
    assert isinstance(trainer.receive_until(is_epoch(3))[-1], EpochEnd)
    assert isinstance(trainer.receive(), Trained)


def test_a_full_disk_costs_the_checkpoint_and_not_the_trial(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    pid, unlimited = trainer.pid, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    try:
        messages = trainer.run(job(epochs=2, model_path=str(tmp_path / "model.keras")))
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    warned = [message.message for message in messages if isinstance(message, Warned)]
    assert [words[:14] for words in warned] == ["the checkpoint"] * 2 + ["the model coul"]
    assert isinstance(messages[-1], Trained)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_loss_that_is_not_finite_ends_the_job_as_diverged(trainer: PipedTrainer, job: MakeJob) -> None:
    messages = trainer.run(job(configuration=Configuration(optimizer=Optimizer("sgd", 1e30)), epochs=5))
    trained = last_of(messages, Trained)
    assert epochs_of(messages)[-1].scores.loss is None
    assert trained.diverged == f"the training loss of epoch {trained.epochs} is not finite"


def test_a_diverged_job_is_not_trained_further_when_resumed(trainer: PipedTrainer, job: MakeJob) -> None:
    hopeless = job(configuration=Configuration(optimizer=Optimizer("sgd", 1e30)), epochs=5)
    first = trainer.run(hopeless)
    again = trainer.run(msgspec.structs.replace(hopeless, token=2))
    assert last_of(again, Trained).diverged == last_of(first, Trained).diverged
    assert all(epoch.replayed for epoch in epochs_of(again))


def test_a_checkpoint_of_another_configuration_is_reported_and_not_used(trainer: PipedTrainer, job: MakeJob) -> None:
    trainer.run(job(epochs=1))
    messages = trainer.run(job(epochs=1, token=2, configuration=Configuration(dense=(64,))))
    assert isinstance(messages[0], Warned)
    assert [epoch.replayed for epoch in epochs_of(messages)] == [False]


SPACE = """
from spaces import Configuration, Space

def build(configuration, input_shape, classes):
    {body}

space = Space("own", "does it work?", suggest=lambda trial: Configuration(), build=build)
"""


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ("raise ValueError('no such width')", "space_error", "raised ValueError: no such width"),
        ("raise MemoryError('out of memory')", "out_of_memory", "MemoryError"),
        ("return None", "space_error", "returned NoneType, not a keras.Model"),
    ],
)
def test_a_space_that_fails_is_told_apart_and_the_trainer_goes_on(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path, body: str, kind: str, reason: str
) -> None:
    path = tmp_path / "own_space.py"
    path.write_text(SPACE.format(body=body))
    failed = trainer.run(job(space=str(path)))[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == kind
    assert reason in failed.reason
    assert isinstance(trainer.run(job(epochs=1))[-1], Trained)


def test_a_model_of_ones_own_is_trained(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    path = tmp_path / "own_space.py"
    layers = "[keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes)]"
    path.write_text(SPACE.format(body=f"import keras; return keras.Sequential({layers})"))
    assert last_of(trainer.run(job(space=str(path))), Trained).parameters == 650


def test_images_too_small_for_the_blocks_fail_as_an_error_of_the_space(trainer: PipedTrainer, job: MakeJob) -> None:
    failed = last_of(trainer.run(job(configuration=Configuration(blocks=(Block((8,)),) * 4))), Failed)
    assert (failed.kind, failed.reason[:34]) == ("space_error", "images of 8x8 pixels are too small")


def test_data_that_is_gone_fails_as_an_error_of_the_data(trainer: PipedTrainer, job: MakeJob) -> None:
    failed = last_of(trainer.run(job(data=DataSource("gone.npz"))), Failed)
    assert (failed.kind, "no file or folder gone.npz" in failed.reason) == ("data_error", True)


def test_a_saved_model_is_evaluated_on_the_test_images(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    path = str(tmp_path / "model.keras")
    whole = job(data=DataSource("digits"), epochs=4, model_path=path, configuration=STATEFUL)
    trainer.run(whole)
    (evaluated,) = trainer.run(Evaluate(2, whole.space, whole.data, whole.split_seed, 64, path))
    assert isinstance(evaluated, Evaluated)
    assert evaluated.n == 359
    assert evaluated.accuracy > 0.9


def test_a_model_that_is_gone_is_a_failure_with_its_path(trainer: PipedTrainer, tmp_path: Path) -> None:
    gone = Evaluate(2, "bn_dropout", DataSource("digits"), 5, 64, str(tmp_path / "gone.keras"))
    failed = last_of(trainer.run(gone), Failed)
    assert failed.kind == "storage_error"
    assert "gone.keras" in failed.reason


def test_a_checkpoint_tells_the_epochs_it_holds(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    trainer.run(job(epochs=2))
    with np.load(tmp_path / "slot" / "token-1.npz", allow_pickle=False) as file:
        meta = json.loads(file["meta"].tobytes())["words"]
    assert [scores["epoch"] for scores in meta["history"]] == [1, 2]


def test_a_warm_trainer_gives_the_scores_and_the_weights_of_a_new_one(
    trainer: PipedTrainer, new_trainer: Callable[[], PipedTrainer], job: MakeJob, tmp_path: Path
) -> None:
    others = (
        msgspec.structs.replace(STATEFUL, optimizer=Optimizer("adam", 0.003)),
        msgspec.structs.replace(STATEFUL, dropout=(Dropout("before_every_dense", 0.5),)),
    )
    for other in others:
        trainer.run(job(configuration=other, checkpoints=None, seed=8))
    made = {}
    for name, child in (("warm", trainer), ("new", new_trainer())):
        messages = child.run(job(configuration=STATEFUL, checkpoints=str(tmp_path / name)))
        made[name] = scores_of(messages), checkpoint_arrays(tmp_path / name / "token-1.npz")
    assert made["warm"][0] == made["new"][0]
    for warm, new in zip(made["warm"][1], made["new"][1], strict=True):
        assert np.array_equal(warm, new)


def test_a_model_of_ones_own_in_between_changes_nothing(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    path = tmp_path / "own_space.py"
    layers = "[keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes)]"
    path.write_text(SPACE.format(body=f"import keras; return keras.Sequential({layers})"))
    first = trainer.run(job(configuration=STATEFUL, checkpoints=None))
    trainer.run(job(space=str(path), checkpoints=None))
    assert scores_of(trainer.run(job(configuration=STATEFUL, checkpoints=None))) == scores_of(first)


def test_an_epoch_is_reported_when_its_checkpoint_is_there(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    trainer.send(job(configuration=STATEFUL, epochs=5))
    for epoch in range(1, 6):
        trainer.receive_until(is_epoch(epoch))
        with np.load(tmp_path / "slot" / "token-1.npz", allow_pickle=False) as file:
            assert len(json.loads(file["meta"].tobytes())["words"]["history"]) >= epoch
    assert isinstance(trainer.receive(), Trained)


KERAS_ALONE = """
import json, sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("search", "spaces", "storage"):
            raise ImportError(f"{name} is not to be needed")

sys.meta_path.insert(0, Refused())
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
images = np.linspace(0, 1, 64, dtype="float32").reshape(1, 8, 8, 1)
modules = {type(layer).__module__.split(".")[0] for layer in model.layers}
print(json.dumps([sorted(modules), type(model.optimizer).__name__, model.predict(images, verbose=0).tolist()]))
"""


def test_a_kept_model_opens_where_only_keras_is(
    trainer: PipedTrainer, job: MakeJob, keras: Any, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    trainer.run(job(configuration=STATEFUL, model_path=str(path)))
    command = [sys.executable, "-I", "-c", KERAS_ALONE, str(path)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    modules, optimizer, logits = json.loads(ended.stdout.splitlines()[-1])
    assert (modules, optimizer) == (["keras"], "SGD")
    dense = keras.models.load_model(path).layers[-1].kernel.numpy()
    assert any(np.array_equal(dense, array) for array in checkpoint_arrays(tmp_path / "slot" / "token-1.npz"))
    assert np.isfinite(logits).all()


@pytest.mark.parametrize(("precision", "computed_in"), [("mixed_bfloat16", "bfloat16"), ("mixed_float16", "float16")])
def test_a_job_says_what_its_model_computes_in(
    precision: str, computed_in: str, trainer: PipedTrainer, job: MakeJob, keras: Any, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"
    plain = job(configuration=EVERYTHING, checkpoints=None)
    in_float32 = trainer.run(plain)
    mixed = job(
        configuration=EVERYTHING, epochs=8, data=DataSource("digits"), precision=precision, model_path=str(path)
    )
    accuracy = epochs_of(trainer.run(mixed))[-1].scores.val_accuracy
    assert accuracy is not None
    assert accuracy > 0.8
    model = keras.models.load_model(path)
    computing = {layer.compute_dtype for layer in model.layers if layer.weights and layer is not model.layers[-1]}
    assert computed_in in computing
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert model.predict(np.zeros((1, 8, 8, 1), "float32"), verbose=0).dtype == np.float32
    evaluate = Evaluate(2, mixed.space, mixed.data, mixed.split_seed, 64, str(path), precision=mixed.precision)
    assert last_of(trainer.run(evaluate), Evaluated).accuracy > 0.8
    assert scores_of(trainer.run(plain)) == scores_of(in_float32)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_resumed_trial_equals_an_uninterrupted_one_in_every_precision(
    precision: str, trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    whole = trainer.run(job(configuration=STATEFUL, precision=precision, checkpoints=str(tmp_path / "whole")))
    trainer.run(job(configuration=STATEFUL, precision=precision, epochs=2))
    resumed = trainer.run(job(configuration=STATEFUL, precision=precision, token=2))
    assert scores_of(resumed) == scores_of(whole)
    assert [epoch.replayed for epoch in epochs_of(resumed)] == [True, True, False]


def test_a_checkpoint_of_another_precision_is_not_resumed_from(trainer: PipedTrainer, job: MakeJob) -> None:
    trainer.run(job(epochs=1))
    warned, *_ = trainer.run(job(epochs=1, token=2, precision="mixed_bfloat16"))
    assert isinstance(warned, Warned)
    assert "precision differ" in warned.message
