"""Checkpoints: what is saved comes back, and what is damaged isn't used."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from search.training.epochs.trainable_model import KerasTrainableModel
from search.training.jobs.checkpoint import Checkpoints
from spaces.epoch_scores import EpochScores

MakeModel = Callable[[int], Any]
LOST = EpochScores(1, None, 0.5, 1.5, 0.4, 2.5, 0.01)
FINE = EpochScores(2, 0.1, 0.5, 1.5, 0.4, 2.5, 0.01)


@pytest.fixture
def model(keras: Any) -> MakeModel:
    """Makes small models; the seed decides their weights."""

    def make(seed: int, units: int = 3) -> Any:
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(units)])
        model.compile(optimizer="adam", loss="mse")
        model.optimizer.build(model.trainable_variables)
        return model

    return make


@dataclass
class Arrays:
    """Something whose state is a few arrays."""

    arrays: list[NDArray[Any]]

    def values(self) -> list[NDArray[Any]]:
        return self.arrays

    def restore(self, values: Sequence[NDArray[Any]]) -> None:
        self.arrays = list(values)


def checkpoints(folder: Path, token: int = 1, identity: str = "job") -> Checkpoints:
    return Checkpoints(folder, token, identity)


def state(model: Any) -> KerasTrainableModel:
    """The runner isn't needed: these models go through no epochs."""
    runner: Any = None
    return KerasTrainableModel(model, runner)


def values(model: Any) -> list[Any]:
    return state(model).values()


def equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(values(one), values(other), strict=True))


def test_everything_comes_back(tmp_path: Path, model: MakeModel) -> None:
    trained, fresh = model(1), model(2)
    trained.fit(np.ones((8, 2)), np.ones((8, 3)), verbose=0)
    checkpoints(tmp_path).save(values(trained), [LOST, FINE])
    resumed = checkpoints(tmp_path, token=2).resume(state(fresh))
    assert resumed.history == (LOST, FINE)
    assert resumed.problems == ()
    assert equal(trained, fresh)


def test_without_a_checkpoint_the_model_stays_as_it_is(tmp_path: Path, model: MakeModel) -> None:
    fresh = model(1)
    assert checkpoints(tmp_path / "none").resume(state(fresh)).history == ()
    assert equal(fresh, model(1))


def test_that_with_the_most_epochs_is_resumed(tmp_path: Path, model: MakeModel) -> None:
    checkpoints(tmp_path, token=1).save(values(model(1)), [LOST, FINE])
    checkpoints(tmp_path, token=2).save(values(model(2)), [LOST])
    fresh = model(3)
    assert len(checkpoints(tmp_path, token=3).resume(state(fresh)).history) == 2
    assert equal(fresh, model(1))


@pytest.mark.parametrize("damage", [lambda b: b[:-50], lambda b: b[:0], lambda b: b.replace(b"\x00" * 8, b"\x01" * 8)])
def test_a_damaged_one_is_passed_over_for_an_older_one(
    tmp_path: Path, model: MakeModel, damage: Callable[[bytes], bytes]
) -> None:
    checkpoints(tmp_path, token=1).save(values(model(1)), [LOST])
    checkpoints(tmp_path, token=2).save(values(model(2)), [LOST, FINE])
    damaged = tmp_path / "token-2.npz"
    damaged.write_bytes(damage(damaged.read_bytes()))
    fresh = model(3)
    resumed = checkpoints(tmp_path, token=3).resume(state(fresh))
    assert len(resumed.history) == 1
    assert [str(damaged) in problem for problem in resumed.problems] == [True]
    assert equal(fresh, model(1))


def test_one_flipped_bit_in_the_weights_is_found(tmp_path: Path, model: MakeModel) -> None:
    weights = model(1)
    checkpoints(tmp_path).save(values(weights), [LOST])
    path, kernel = tmp_path / "token-1.npz", weights.layers[-1].kernel.numpy().tobytes()
    flipped = bytes([kernel[0] ^ 1]) + kernel[1:]
    path.write_bytes(path.read_bytes().replace(kernel, flipped))
    assert checkpoints(tmp_path).resume(state(model(2))).history == ()


def test_one_of_another_job_is_not_used(tmp_path: Path, model: MakeModel) -> None:
    checkpoints(tmp_path, identity="job").save(values(model(1)), [LOST])
    resumed = checkpoints(tmp_path, identity="other").resume(state(model(2)))
    assert resumed.history == ()
    assert "another job" in resumed.problems[0]


def test_one_that_does_not_fit_the_model_leaves_it_untouched(tmp_path: Path, model: Any) -> None:
    checkpoints(tmp_path).save(values(model(1, units=4)), [LOST])
    fresh = model(2)
    assert "don't fit" in checkpoints(tmp_path).resume(state(fresh)).problems[0]
    assert equal(fresh, model(2))


def test_a_part_left_by_a_kill_is_no_checkpoint(tmp_path: Path, model: MakeModel) -> None:
    (tmp_path / "token-1.part").write_bytes(b"half")
    assert checkpoints(tmp_path, token=2).resume(state(model(1))).problems == ()


@pytest.mark.parametrize("layer_dtype", ["bfloat16", "float16", "mixed_bfloat16"])
def test_layers_of_any_precision_come_back(keras: Any, tmp_path: Path, layer_dtype: str) -> None:
    def make(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, dtype=layer_dtype), keras.layers.Dense(3)])
        made.compile(optimizer="adam", loss="mse")
        made.optimizer.build(made.trainable_variables)
        return made

    trained, fresh = make(1), make(2)
    trained.fit(np.ones((8, 2)), np.ones((8, 3)), verbose=0)
    checkpoints(tmp_path).save(values(trained), [FINE], kept=values(trained))
    resumed = checkpoints(tmp_path, token=2).resume(state(fresh))
    assert resumed.history == (FINE,)
    assert equal(trained, fresh)
    assert [(kept.dtype, kept.tobytes()) for kept in resumed.kept or ()] == [
        (value.dtype, value.tobytes()) for value in values(trained)
    ]


@pytest.mark.parametrize(
    "dtype",
    [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4, ">f4", "c8", "?", "u8"],
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_numbers_of_every_type_and_shape_come_back(tmp_path: Path, dtype: Any, shape: tuple[int, ...]) -> None:
    there, fresh = Arrays([np.ones(shape, dtype)]), Arrays([np.zeros(shape, dtype)])
    checkpoints(tmp_path).save(there.values(), [FINE])
    assert checkpoints(tmp_path).resume(fresh).problems == ()
    assert (fresh.arrays[0].dtype, fresh.arrays[0].shape) == (np.dtype(dtype), shape)
    assert fresh.arrays[0].tobytes() == there.arrays[0].tobytes()


def test_numbers_of_another_type_do_not_fit(tmp_path: Path) -> None:
    checkpoints(tmp_path).save([np.ones(3, np.float16)], [FINE])
    fresh = Arrays([np.zeros(3, ml_dtypes.bfloat16)])
    assert "don't fit" in checkpoints(tmp_path).resume(fresh).problems[0]
    assert not fresh.arrays[0].any()


SMALL = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, ml_dtypes.bfloat16), np.array(7, np.int64)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A folder with a small checkpoint, and the checkpoint's bytes."""
    folder = tmp_path_factory.mktemp("slot")
    checkpoints(folder).save(SMALL, [LOST, FINE], kept=SMALL)
    return folder, (folder / "token-1.npz").read_bytes()


def resumed_or_begun_again(folder: Path, damaged: bytes) -> None:
    (folder / "token-1.npz").write_bytes(damaged)
    fresh = Arrays([np.zeros_like(value) for value in SMALL])
    resumed = checkpoints(folder, token=2).resume(fresh)
    if resumed.history:
        assert resumed.history == (LOST, FINE)
        assert bits(fresh.arrays) == bits(SMALL) == bits(resumed.kept or ())
    else:
        assert "is not used" in resumed.problems[0]
        assert not any(value.any() for value in fresh.arrays)


def bits(arrays: Sequence[NDArray[Any]]) -> list[tuple[str, tuple[int, ...], bytes]]:
    return [(value.dtype.name, value.shape, value.tobytes()) for value in arrays]


def one_byte_changes(whole: bytes) -> Iterator[bytes]:
    for place, byte in enumerate(whole):
        for other in (byte ^ 0x01, byte ^ 0x80, 0xFF - byte):
            yield whole[:place] + bytes([other]) + whole[place + 1 :]


def test_one_changed_byte_never_fails_a_trial_nor_changes_a_weight(written: tuple[Path, bytes]) -> None:
    folder, whole = written
    for damaged in one_byte_changes(whole):
        resumed_or_begun_again(folder, damaged)


def test_one_cut_off_anywhere_never_fails_a_trial(written: tuple[Path, bytes]) -> None:
    folder, whole = written
    for length in range(len(whole)):
        resumed_or_begun_again(folder, whole[:length])


@given(st.data())
def test_damage_of_any_kind_never_fails_a_trial(written: tuple[Path, bytes], data: st.DataObject) -> None:
    folder, whole = written
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    resumed_or_begun_again(folder, whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:])


def test_arrays_that_were_swapped_with_valid_checksums_are_found(tmp_path: Path) -> None:
    checkpoints(tmp_path).save([np.zeros(3), np.ones(3)], [FINE])
    path = tmp_path / "token-1.npz"
    with np.load(path) as file:
        arrays = dict(file)
    first, second = sorted(name for name in arrays if name.startswith("v"))
    np.savez(path, **{**arrays, first: arrays[second], second: arrays[first]})
    fresh = Arrays([np.zeros(3), np.zeros(3)])
    assert "is not used" in checkpoints(tmp_path).resume(fresh).problems[0]


def test_what_is_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "token-1.npz").mkdir()
    os.mkfifo(tmp_path / "token-2.npz")
    (tmp_path / "token-3.npz").symlink_to(tmp_path / "nowhere")
    resumed = checkpoints(tmp_path, token=4).resume(Arrays([np.zeros(3)]))
    assert len(resumed.problems) == 3


def test_one_from_before_there_were_digests_is_resumed_from(tmp_path: Path) -> None:
    meta = msgspec.json.encode({"identity": "job", "history": [FINE]})
    np.savez(tmp_path / "token-1.npz", meta=np.frombuffer(meta, np.uint8), v0000=np.ones(3))
    fresh = Arrays([np.zeros(3)])
    assert checkpoints(tmp_path).resume(fresh).history == (FINE,)
    assert fresh.arrays[0].tolist() == [1, 1, 1]
