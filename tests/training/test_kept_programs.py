"""Programs that were traced once and are loaded from then on: they train as before, to the last bit."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import optuna
import pytest

from search.datasets import load_dataset
from search.host.program_folder import VARIABLE, program_files
from search.training.backends.function_names import named_by_content
from search.training.backends.protocol import Backend
from search.training.data.split import Split, split
from search.training.epochs.epochs import Epochs, run_epochs
from search.training.jobs.job import Jobs
from search.training.models.building import InputSpec
from search.training.shared_programs.program_cache import ProgramCache
from search.training.shared_programs.skeleton import own_slots
from search.training.shared_programs.traced_files import TracedFiles, open_traced_files
from spaces import load_space
from spaces.configuration import BatchNorm, Block, Configuration, Dropout, Optimizer, Regularization
from spaces.registry import BUILT_IN
from tests.helpers.piped_trainer import MakeJob, PipedTrainer, scores_of

BATCH, SEED = 32, 7
SMALL = Configuration((Block((4,)),))
ALL_LAYERS = Configuration(
    (Block((4,)), Block((8,))),
    batch_norm=BatchNorm("before_activation"),
    dropout=(Dropout("before_every_dense", 0.3), Dropout("after_pooling", 0.2)),
    optimizer=Optimizer("nadam", 3e-3),
    regularization=Regularization(l1=1e-4, l2=1e-4),
)

Trained = tuple[list[Any], list[bytes]]

pytestmark = pytest.mark.backends("tensorflow", reason="JAX keeps what it compiles by itself")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TracedFiles:
    """An empty folder, also for the trainers of the test."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "programs"))
    files = open_traced_files()
    assert files is not None
    return files


@pytest.fixture
def traced(keras: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that have been traced."""
    from search.training.shared_programs.shared_program import SharedProgram

    found: list[str] = []
    for name in ("train_step", "test_step"):
        step = getattr(SharedProgram, name)

        def noted(program: Any, *batch: Any, step: Callable[..., Any] = step, name: str = name) -> Any:
            found.append(name)
            return step(program, *batch)

        monkeypatch.setattr(SharedProgram, name, noted)
    return found


@pytest.fixture(scope="module")
def data() -> Split:
    """80 images for training: two batches of 32 and one of 16."""
    return split(load_dataset("digits"), 0.2, seed=1, limit_train=100)


@pytest.fixture
def train(backend: Backend, data: Split, files: TracedFiles) -> Callable[[Configuration], Trained]:
    """Trains as a new process does, whose layers and optimizers are its own: scores, and the state after two epochs."""

    def run(configuration: Configuration) -> Trained:
        spec = InputSpec(data.image_shape, 10, data.steps_per_epoch(BATCH))
        program = ProgramCache(backend, files).program(configuration, own_slots(configuration), spec, BATCH)
        program.begin(configuration, SEED, 2, backend.to_device(data))
        epochs = Epochs(1, 2, len(data.train), SEED, configuration.inputs.augmentation)
        scores = [msgspec.structs.replace(scores, seconds=0.0) for scores in run_epochs(program, epochs, lambda: False)]
        return scores, [value.tobytes() for value in program.values()]

    return run


def proposed(space: str) -> Configuration:
    """A configuration of a named space, as a random search proposes it."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=4))
    return load_space(space).suggest(study.ask())


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param(ALL_LAYERS, id="small, of all layers"),
        *(pytest.param(proposed(name), id=name, marks=pytest.mark.long) for name in BUILT_IN),
    ],
)
def test_a_loaded_program_trains_as_the_traced_one_to_the_last_bit(
    train: Callable[[Configuration], Trained], traced: list[str], configuration: Configuration
) -> None:
    before = train(configuration)
    assert {"train_step", "test_step"} == set(traced)
    traced.clear()
    assert train(configuration) == before
    assert traced == [], "nothing is loaded: does TensorFlow still register the functions of a wrapped graph?"


def test_numbers_that_programs_share_are_no_part_of_what_is_stored(
    train: Callable[[Configuration], Trained], traced: list[str]
) -> None:
    faster = msgspec.structs.replace(SMALL, optimizer=Optimizer("momentum", 0.05, 0.9))
    expected = train(faster)
    train(SMALL)
    count = len(traced)
    assert train(faster) == expected
    assert len(traced) == count


def spoiled(files: TracedFiles, content: bytes) -> None:
    """Files that are whole, and hold programs that aren't."""
    from search.training.shared_programs import traced_files

    for file in program_files(files.folder):
        key = msgspec.msgpack.decode(file.path.read_bytes()[traced_files.DIGEST :])[0]
        files.put(key, content)


def test_a_program_that_cannot_be_loaded_is_traced_again(
    train: Callable[[Configuration], Trained],
    traced: list[str],
    files: TracedFiles,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = train(SMALL)
    for content in (b"", msgspec.msgpack.encode((b"no graph", (0,)))):
        spoiled(files, content)
        traced.clear()
        caplog.clear()
        assert train(SMALL) == expected
        assert {"train_step", "test_step"} == set(traced)
        assert "can't be loaded, and is traced again" in caplog.text
    traced.clear()
    assert train(SMALL) == expected
    assert traced == []


def test_processes_whose_functions_have_the_same_names_load_each_others(
    new_trainer: Callable[[], PipedTrainer], files: TracedFiles, job: MakeJob
) -> None:
    """TensorFlow numbers functions from the start of a process: so the two trainers' have the same names."""
    jobs = [job(configuration=configuration, checkpoints=None) for configuration in (SMALL, ALL_LAYERS)]
    trainers = [new_trainer() for _ in jobs]
    traced = [scores_of(trainer.run(job)) for trainer, job in zip(trainers, jobs, strict=True)]
    stored = {file.path: file.path.stat().st_ino for file in program_files(files.folder)}
    assert len(stored) == 4
    for path in stored:
        os.utime(path, (0, 0))
    loaded = [scores_of(trainer.run(job)) for trainer, job in zip(reversed(trainers), jobs, strict=True)]
    assert loaded == traced
    assert {file.path: file.path.stat().st_ino for file in program_files(files.folder)} == stored
    assert all(file.used > 0 for file in program_files(files.folder)), "they weren't read"


def test_another_precision_trains_models_of_its_own_and_stores_nothing(
    keras: Any, files: TracedFiles, job: MakeJob
) -> None:
    wanted = job(configuration=SMALL, precision="mixed_bfloat16", checkpoints=None, epochs=1)
    kept, plain = (list(Jobs(traced).train(wanted, lambda: False)) for traced in (files, None))
    assert scores_of(kept) == scores_of(plain)
    assert program_files(files.folder) == []


def test_functions_are_named_by_what_they_and_those_they_call_do(keras: Any) -> None:
    import tensorflow as tf

    def names(inner: str, outer: str, operation: str) -> list[str]:
        library = tf.compat.v1.GraphDef().library
        first, second = library.function.add(), library.function.add()
        first.signature.name, second.signature.name = inner, outer
        first.node_def.add(name="node", op=operation)
        second.node_def.add(name="call", op="PartitionedCall").attr["f"].func.name = inner
        named = named_by_content(library.function, outer)
        assert named[1].node_def[0].attr["f"].func.name == named[0].signature.name
        return [definition.signature.name for definition in named]

    one = names("__inference_a_1", "__inference_b_2", "Add")
    assert names("__inference_a_7", "__inference_b_9", "Add") == one
    assert not set(names("__inference_a_1", "__inference_b_2", "Sub")) & set(one)


@pytest.fixture(autouse=True)
def log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
