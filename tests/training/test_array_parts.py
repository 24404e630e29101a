"""Arrays of several parts: which they are, whether their pixels and labels go together, and what is said of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from search.datasets import DataError, load_dataset
from search.datasets.inventory import Named
from search.training.data.split import split

Save = Callable[..., str]
X = np.random.default_rng(0).integers(1, 256, (12, 4, 4)).astype(np.uint8)
X[0, 0, 0] = 255
Y = np.arange(12) % 2


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes an .npz of 12 gray images of two classes with bytes from 1 to 255, changed as the test says."""

    def write(**changes: Any) -> str:
        arrays = {"x_train": X, "y_train": Y, **changes}
        np.savez(tmp_path / "own.npz", **{name: array for name, array in arrays.items() if array is not None})
        return str(tmp_path / "own.npz")

    return write


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("bytes", "8fc7541005ea79bb23fc94e2ef85c1f5e5f43045ff9d1389fedc060d9610e0e7"),
        ("floats", "c74398d3c53b5edb2b2b2363ee6445c66a2497dc32352f9323739adbb92199d8"),
    ],
)
def test_studies_of_earlier_releases_find_their_data_unchanged(save: Save, name: str, fingerprint: str) -> None:
    x = np.arange(12 * 16).reshape(12, 4, 4).astype(np.uint8)
    test = {"x_test": x[:4] / 7 - 3, "y_test": np.array([0, 1, 0, 1])}
    path = save(x_train=x) if name == "bytes" else save(x_train=x / 7 - 3, **test)
    assert load_dataset(path).fingerprint() == fingerprint


@pytest.mark.parametrize("spelling", ["val", "VAL", "valid", "validation", "dev"])
def test_validation_images_of_the_users_are_the_validation_images(save: Save, spelling: str) -> None:
    own = load_dataset(save(**{f"x_{spelling}": X[:3], f"y_{spelling}": Y[:3]}))
    (one, other), n_test = (split(own, 0.2, seed) for seed in (1, 2)), len(own.y_test)
    assert one.x_val[..., 0].tolist() == other.x_val[..., 0].tolist() == X[:3].tolist()
    assert one.y_val.tolist() == Y[:3].tolist()
    assert one.n_train == other.n_train == 12 - n_test
    assert [(part.name, part.source, part.total) for part in own.inventory.parts] == [
        ("training", "x_train", 12),
        ("validation", f"x_{spelling}", 3),
    ]


def test_a_limit_of_training_images_leaves_the_users_validation_images_alone(save: Save) -> None:
    own = load_dataset(save(x_val=X[:3], y_val=Y[:3], x_test=X, y_test=Y))
    parts = split(own, 0.2, seed=1, limit_train=6)
    assert (parts.n_train, parts.n_val) == (6, 3)
    assert parts.x_val[..., 0].tolist() == X[:3].tolist()


def test_the_users_validation_images_are_part_of_the_fingerprint(save: Save) -> None:
    alone = load_dataset(save(x_train=np.concatenate([X, X[:3]]), y_train=[*Y, *Y[:3]], x_test=X, y_test=Y))
    apart = load_dataset(save(x_val=X[:3], y_val=Y[:3], x_test=X, y_test=Y))
    assert np.array_equal(alone.x_train, apart.x_train)
    assert alone.fingerprint() != apart.fingerprint()


@pytest.mark.parametrize("names", [("X_Train", "Y_TRAIN"), ("train_images", "train_labels"), ("x_training", "y-train")])
def test_arrays_may_have_the_common_names(save: Save, names: tuple[str, str]) -> None:
    same = load_dataset(save(x_train=None, y_train=None, **dict(zip(names, (X, Y), strict=True))))
    assert same.fingerprint() == load_dataset(save()).fingerprint()


def test_arrays_that_are_not_known_are_named(save: Save) -> None:
    own = load_dataset(save(weights=np.ones(3), meta=np.ones(2)))
    assert own.inventory.left_out == (Named("arrays of other names", 2, ("weights", "meta")),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_valid": X, "x_val": X, "y_val": Y}, "has both x_valid and x_val, which mean the same"),
        ({"x_val": X}, "only one of x_val and y_val"),
        ({"x_val": X, "y_val": Y + 5}, "y_val has the label 5"),
        (
            {"x_test": X / 255, "y_test": Y},
            r"different scales: .*x_train has uint8 from 1 to 255, .*x_test has float64",
        ),
        ({"x_train": X / 255, "x_test": X, "y_test": Y}, "different scales"),
        ({"x_val": X / 255, "y_val": Y}, "different scales"),
        ({"x_train": X / 15.9375, "x_test": X / 255, "y_test": Y}, "different scales"),
        ({"x_test": X.astype(np.int16) - 128, "y_test": Y}, r"int16 from -\d+ to 127"),
        ({"x_test": X.astype(np.uint16) * 257, "y_test": Y}, "uint16 from 257 to 65535"),
        ({"x_train": X / 127.5 - 1, "x_test": X / 255, "y_test": Y}, "different scales"),
        ({"x_test": np.zeros((2, 4, 4)), "y_test": Y[:2]}, "all pixels of x_test are 0"),
        ({"y_train": np.where(Y, np.inf, 0)}, "infinite or huge numbers in 6 of 12 labels, first inf for image 1"),
        ({"y_train": np.where(Y, 1e30, 0)}, "infinite or huge numbers in 6 of 12 labels"),
        ({"y_train": np.where(Y, np.nan, 0)}, "fractions, NaN"),
        ({"y_train": np.array([b"a", b"\xff"] * 6)}, "bytes that aren't UTF-8"),
        ({"y_train": Y.astype(str), "x_test": X, "y_test": Y}, "give text in both, or numbers in both"),
        ({"x_train": np.ones((12, 1, 28, 30))}, "channels first; .*data_format='channels_last'"),
        ({"x_train": np.ones((12, 6, 32, 32))}, "channels first; .*data_format='channels_last'"),
        ({"x_train": X * 1e-300}, "no pixel beyond 2.55e-298, which is 0 in 32-bit floats"),
        (
            {"y_train": np.array(["Cat", "dog"] * 6), "x_test": X, "y_test": np.array(["cat ", "dog"] * 6)},
            "the label cat , which isn't one of the 2 training classes: 'Cat' is, and differs from 'cat ' in case,",
        ),
        ({"data_format": np.array("NCHW")}, "data_format is 'NCHW': give 'channels_first' or 'channels_last'"),
    ],
)
def test_what_does_not_go_together_is_explained(save: Save, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(save(**changes))


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.uint16])
def test_bytes_of_another_type_in_the_test_part_stay_what_they_are(save: Save, kind: Any) -> None:
    own = load_dataset(save(x_test=X.astype(kind), y_test=Y))
    assert own.x_test.dtype == np.uint8
    assert np.array_equal(own.x_test[..., 0], X)


@pytest.mark.parametrize("test", [X.astype(np.float32) + 0.5, X.astype(np.int64) + 40])
def test_pixels_of_the_test_part_that_are_no_bytes_lose_nothing(save: Save, test: NDArray[Any]) -> None:
    own = load_dataset(save(x_test=test, y_test=Y))
    assert own.x_train.dtype == own.x_test.dtype == np.float32
    assert np.array_equal(own.x_test[..., 0], test)


def test_dark_images_of_the_same_type_are_taken_and_that_is_said(save: Save) -> None:
    own = load_dataset(save(x_test=np.ones((2, 4, 4), np.uint8), y_test=Y[:2]))
    assert "pixels of x_test end at 1, of x_train at 255: taken as one scale" in own.inventory.treated[0].what


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_pixel_next_to_which_all_others_would_be_0_is_named(save: Save, part: str) -> None:
    x = np.tile(X, (10, 1, 1)).astype(np.float32)
    y = np.tile(Y, 10)
    odd = x.copy()
    odd[17, 2, 3] = 1e30
    arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y, f"x_{part}": odd}
    with pytest.raises(DataError, match=rf"x_{part}: its largest pixel is 1e\+30 \(image 17\), and only 1 of"):
        load_dataset(save(**arrays))


def test_labels_may_be_bytes(save: Save) -> None:
    own = load_dataset(save(y_train=np.array([b"caf\xc3\xa9", b"tea"] * 6)))
    assert own.classes == ("café", "tea")


@pytest.mark.parametrize("label", ["cat\n", "a\tcat", "cat\0s", "cat\ud800", "\x1b[31mcat", "a\u2028cat", "", " "])
def test_labels_that_are_no_line_of_text_are_named(save: Save, label: str) -> None:
    with pytest.raises(DataError, match=r"y_train has the label '.*', first for image 1: labels are text of one line"):
        load_dataset(save(y_train=np.array(["tea", label] * 6)))


def test_labels_of_any_script_are_names(save: Save) -> None:
    assert load_dataset(save(y_train=np.array(["שלום", "👩\u200d🔬 a"] * 6))).classes == ("שלום", "👩\u200d🔬 a")


def test_classes_that_a_reader_takes_for_one_are_told_of(save: Save) -> None:
    own = load_dataset(save(y_train=np.array(["cat", "dog", "cat "] * 4)))
    assert own.classes == ("cat", "cat ", "dog")
    (remark,) = own.inventory.treated
    assert remark.count == 8
    assert remark.what.endswith("names differ in case, spaces or Unicode form alone: 'cat', 'cat '")


def test_square_patches_with_many_channels_are_channels_last(save: Save) -> None:
    patches = np.random.default_rng(0).random((12, 3, 3, 200))
    assert load_dataset(save(x_train=patches)).image_shape == (3, 3, 200)


@pytest.mark.parametrize(("said", "shape"), [("channels_last", (3, 5, 200)), ("channels_first", (5, 200, 3))])
def test_a_file_can_say_where_its_channels_are(save: Save, said: str, shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).random((12, 3, 5, 200))
    assert load_dataset(save(x_train=images, data_format=said)).image_shape == shape


def test_the_inventory_has_counts_sizes_type_and_range_as_given(save: Save) -> None:
    own = load_dataset(save(x_train=(X / 255).astype(np.float64)))
    (part,) = own.inventory.parts
    assert part.counts == (6, 6)
    assert part.sizes.median == (4, 4)
    assert part.kinds == {"1 channel": 12}
    (pixels,) = part.pixels
    assert (pixels.type, pixels.count, pixels.highest) == ("float64", 12, 1)
    assert own.inventory.scaling == "divided by 1, the largest of the training images"
