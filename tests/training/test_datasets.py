"""Data sets: what loads, and what is said about what doesn't."""

import contextlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from search.datasets import DATASETS, DataError, dataset_names, load_dataset, resolve_dataset
from search.errors import UsageError

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes an .npz of 12 gray images of two classes, changed as the test says; None leaves an array out."""

    def write(**changes: Any) -> Path:
        x = np.arange(12 * 16).reshape(12, 4, 4).astype(np.uint8)
        arrays = {"x_train": x, "y_train": np.arange(12) % 2, **changes}
        path = tmp_path / "own.npz"
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return path

    return write


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of 2 x 5 gray images of 6x4 pixels."""
    for label, gray in (("cats", 50), ("dogs", 200)):
        folder = tmp_path / "images" / label
        folder.mkdir(parents=True)
        for number in range(5):
            Image.new("L", (6, 4), gray + number).save(folder / f"{number}.png")
    return tmp_path / "images"


def test_the_digits_come_with_scikit_learn() -> None:
    digits = load_dataset("digits")
    assert digits.image_shape == (8, 8, 1)
    assert len(digits.x_train) + len(digits.x_test) == 1797
    assert digits.x_train.dtype == np.uint8
    assert digits.pixel_max == 16
    assert digits.classes == tuple("0123456789")


def test_test_images_are_a_fifth_of_each_class() -> None:
    digits = load_dataset("digits")
    shares = np.bincount(digits.y_test) / (np.bincount(digits.y_test) + np.bincount(digits.y_train))
    assert np.allclose(shares, 0.2, atol=0.005)


def test_equal_data_has_equal_fingerprints(save: Save) -> None:
    assert load_dataset(str(save())).fingerprint() == load_dataset(str(save())).fingerprint()


def test_one_changed_pixel_changes_the_fingerprint(save: Save) -> None:
    before = load_dataset(str(save()))
    pixels = np.arange(12 * 16).reshape(12, 4, 4).astype(np.uint8)
    pixels[3, 2, 1] += 1
    assert load_dataset(str(save(x_train=pixels))).fingerprint() != before.fingerprint()


def test_an_own_file_may_bring_test_images_and_labels_as_text(save: Save) -> None:
    labels = np.array(["no", "yes"] * 6)
    path = save(y_train=labels, x_test=np.ones((2, 4, 4), np.uint8), y_test=np.array(["yes", "no"]))
    own = load_dataset(str(path))
    assert own.classes == ("no", "yes")
    assert own.y_test.tolist() == [1, 0]
    assert len(own.x_train) == 12


def test_labels_are_numbered_from_zero_and_keep_their_names(save: Save) -> None:
    own = load_dataset(str(save(y_train=np.array([[3], [7]] * 6))))
    assert own.classes == ("3", "7")
    assert set(own.y_train.tolist()) == {0, 1}


def test_pixels_of_other_types_become_float32(save: Save) -> None:
    own = load_dataset(str(save(x_train=np.random.default_rng(0).normal(size=(12, 4, 4)))))
    assert own.x_train.dtype == np.float32
    assert np.abs(own.x_train / own.pixel_max).max() <= 1


def test_a_folder_names_its_classes(images: Path) -> None:
    own = load_dataset(str(images))
    assert own.classes == ("cats", "dogs")
    assert own.image_shape == (4, 6, 1)
    assert len(own.x_train) == 8
    assert own.x_train[own.y_train == 0].max() < 60


def test_images_of_several_sizes_are_brought_to_the_median_size_in_color(images: Path) -> None:
    Image.new("RGBA", (40, 80), "red").save(images / "cats" / "large.png")
    own = load_dataset(str(images))
    assert own.image_shape == (4, 6, 3)


def test_a_folder_may_hold_train_and_test(images: Path, tmp_path: Path) -> None:
    parent = tmp_path / "both"
    parent.mkdir()
    images.rename(parent / "train")
    for label in ("cats", "dogs"):
        (parent / "test" / label).mkdir(parents=True)
        Image.new("L", (6, 4), 9).save(parent / "test" / label / "0.png")
    own = load_dataset(str(parent))
    assert len(own.x_train) == 10
    assert own.y_test.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": None}, "lacks x_train; it has y_train"),
        ({"y_train": None}, "lacks y_train"),
        ({"x_test": np.ones((2, 4, 4))}, "only one of x_test and y_test"),
        ({"y_train": np.zeros(11, int)}, "12 images and 11 labels"),
        ({"y_train": np.zeros(12, int)}, "of one class, 0"),
        ({"y_train": np.eye(2)[np.arange(12) % 2]}, r"y.argmax\(axis=1\)"),
        ({"y_train": np.arange(12) / 2}, "fractions"),
        ({"y_train": np.array([0] * 11 + [1])}, r"class 1 has 1 training image\(s\); at least 3 are needed"),
        (
            {"y_train": np.array([0] * 10 + [1] * 2)},
            r"class 1 has 2 training image\(s\); at least 3 are needed, one for",
        ),
        ({"y_train": np.arange(12) // 2}, r"class 0 has 2 training image\(s\), and 5 more of the 6 classes have fewer"),
        ({"y_train": np.array(["a", "b"] * 6, object)}, r"its y_train holds Python objects.*np.array\(y_train.tolist"),
        ({"x_train": np.full((12, 4, 4), np.nan)}, "NaN or infinite in 12 of 12 images, first in image 0"),
        ({"x_train": np.zeros((12, 4, 4))}, "all pixels of x_train are 0"),
        ({"x_train": np.ones((12, 16))}, r"shape \(12, 16\)"),
        ({"x_train": np.ones((12, 3, 32, 32))}, "channels first"),
        ({"x_train": np.array([["a" * 4] * 4] * 12)}, "not numbers"),
        ({"x_train": np.ones((0, 4, 4)), "y_train": np.ones(0, int)}, "is empty"),
        ({"x_test": np.ones((2, 5, 5)), "y_test": np.ones(2, int)}, "must agree"),
        ({"x_test": np.ones((2, 4, 4), np.uint8), "y_test": np.array([0, 9])}, "label 9"),
    ],
)
def test_a_wrong_file_is_explained(save: Save, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(str(save(**changes)))


def test_a_cut_off_file_is_explained(save: Save) -> None:
    path = save()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"can't be read as an \.npz file"):
        load_dataset(str(path))


def claiming(shape: tuple[int, ...]) -> bytes:
    """An `.npy` of a few bytes whose header promises an array of that shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(100)


def rezipped(path: Path, **replaced: bytes) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**members, **{f"{name}.npy": content for name, content in replaced.items()}}.items():
            file.writestr(name, content)


@pytest.mark.parametrize("name", ["x_train", "y_train"])
@pytest.mark.parametrize("shape", [(10**12, 28, 28), (2**62, 2**62, 4), (13, 40, 40)])
def test_a_header_that_promises_more_than_there_is_takes_no_memory(
    save: Save, name: str, shape: tuple[int, ...]
) -> None:
    path = save()
    rezipped(path, **{name: claiming(shape)})
    with pytest.raises(DataError, match=rf"damaged: its {name} is said to be \({shape[0]}, "):
        load_dataset(str(path))


def test_images_that_need_more_than_half_of_the_memory_are_refused_before_they_are_read(
    save: Save, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.datasets.memory.SHARE", 1e-10)
    for ref in (save(), images):
        with pytest.raises(DataError, match=r"would take .* GB are the most: .* of this machine's memory"):
            load_dataset(str(ref))


@pytest.fixture(scope="module")
def small_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed file of images, and with its ending replaced by .good its undamaged copy."""
    path = tmp_path_factory.mktemp("mutated") / "own.npz"
    np.savez_compressed(path, x_train=np.arange(8 * 9, dtype=np.uint8).reshape(8, 3, 3), y_train=np.arange(8) % 2)
    path.with_suffix(".good").write_bytes(path.read_bytes())
    return path


def loads_or_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert load_dataset(str(path)).image_shape


def test_one_changed_byte_of_a_file_never_ends_in_a_traceback(small_npz: Path) -> None:
    whole = small_npz.with_suffix(".good").read_bytes()
    for place, byte in enumerate(whole):
        for other in (byte ^ 1, byte ^ 0x80, 0):
            loads_or_is_refused(small_npz, whole[:place] + bytes([other]) + whole[place + 1 :])


@given(st.data())
@settings(deadline=None)
def test_a_file_damaged_in_any_way_never_ends_in_a_traceback(small_npz: Path, data: st.DataObject) -> None:
    whole = small_npz.with_suffix(".good").read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    loads_or_is_refused(small_npz, whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:])


def test_an_encrypted_file_is_explained(save: Save) -> None:
    path = save()
    content = bytearray(path.read_bytes())
    for place in range(len(content) - 10):  # the flag of encryption, in the local headers and in the directory
        if content[place : place + 4] == b"PK\x03\x04":
            content[place + 6] |= 1
        elif content[place : place + 4] == b"PK\x01\x02":
            content[place + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"can't be read as an \.npz file: .*encrypted"):
        load_dataset(str(path))


def test_a_file_that_is_compressed_otherwise_is_read(save: Save) -> None:
    path = save()
    expected = load_dataset(str(path)).fingerprint()
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        for name, content in members.items():
            file.writestr(name, content)
    assert load_dataset(str(path)).fingerprint() == expected


def test_a_single_array_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(DataError, match="a single array"):
        load_dataset(str(path))


def test_a_corrupt_image_is_named(images: Path) -> None:
    (images / "dogs" / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"dogs/broken\.png can't be read"):
        load_dataset(str(images))


def test_a_cut_off_image_is_named(images: Path) -> None:
    path = images / "dogs" / "cut.png"
    Image.effect_noise((60, 40), 100).save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"dogs/cut\.png can't be read"):
        load_dataset(str(images))


@given(st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_image_damaged_in_any_way_is_read_or_named(images: Path, kind: str, data: st.DataObject) -> None:
    file = io.BytesIO()
    Image.new("RGB", (6, 4), "red").save(file, kind)
    whole = file.getvalue()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    path = images / "dogs" / f"odd.{kind.lower()}"
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:])
    try:
        load_dataset(str(images))
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017  some of them can be read
    finally:
        path.unlink()


def test_an_image_of_too_many_pixels_is_named_and_not_decoded(images: Path) -> None:
    path = images / "dogs" / "large.png"
    Image.new("1", (13_000, 13_000)).save(path)
    with pytest.raises(DataError, match=r"large\.png has 13,000 x 13,000 pixels, and 89,478,485 are the most"):
        load_dataset(str(images))


def test_a_class_whose_name_is_not_utf_8_is_named(images: Path) -> None:
    (images / "cats").rename(os.fsdecode(bytes(images / "caf") + b"\xe9"))
    with pytest.raises(DataError, match=r"caf\\udce9' isn't UTF-8"):
        load_dataset(str(images))


def test_a_path_that_is_not_utf_8_is_named(images: Path) -> None:
    odd = os.fsdecode(bytes(images.parent / "caf") + b"\xe9")
    images.rename(odd)
    with pytest.raises(DataError, match=r"caf\\udce9' isn't UTF-8"):
        load_dataset(odd)


def test_a_folder_without_images_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images in sub-folders"):
        load_dataset(str(tmp_path))


def test_images_next_to_the_class_folders_are_explained(tmp_path: Path) -> None:
    Image.new("L", (6, 4)).save(tmp_path / "0.png")
    with pytest.raises(DataError, match="though 1 next to them"):
        load_dataset(str(tmp_path))


def test_an_empty_class_is_named(images: Path) -> None:
    (images / "birds").mkdir()
    with pytest.raises(DataError, match="classes without images: birds"):
        load_dataset(str(images))


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("digit", "Did you mean 'digits'"),
        ("minst", "Did you mean 'mnist'"),
        ("nothing_like_it", "Valid: digits, mnist, fashion_mnist, cifar10, cifar100"),
        ("own.npz", r"no file or folder own\.npz"),
        ("some/where", "no file or folder"),
        (__file__, "neither an .npz file nor a folder"),
    ],
)
def test_an_unknown_data_set_is_explained(ref: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_dataset(ref)


def test_a_path_is_made_absolute(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save()
    monkeypatch.chdir(path.parent)
    assert resolve_dataset("own.npz") == str(path)


def test_a_named_data_set_comes_from_the_directory_of_data(save: Save) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 28, 28)).astype(np.uint8)
    path = save(x_train=x, y_train=np.arange(40) % 10)
    path.rename(path.with_name("mnist.npz"))
    assert load_dataset("mnist", str(path.parent)).image_shape == (28, 28, 1)


def test_the_directory_of_data_may_come_from_the_environment(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(y_train=np.arange(12) % 2)
    path.rename(path.with_name("cifar10.npz"))
    monkeypatch.setenv("SEARCH_DATA_DIR", str(path.parent))
    with pytest.raises(DataError, match="class bird has 0 training image"):
        load_dataset("cifar10")


def test_without_a_network_it_is_said_where_to_put_the_file(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline() -> None:
        raise Exception("URL fetch failure")  # noqa: TRY002  this is what Keras raises

    monkeypatch.setattr(keras.datasets.mnist, "load_data", offline)
    with pytest.raises(DataError, match=r"Put its arrays .* into .*mnist\.npz and pass --data-dir"):
        load_dataset("mnist", str(tmp_path))


def test_the_real_mnist(data_dir: Path) -> None:
    mnist = load_dataset("mnist", str(data_dir))
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert mnist.pixel_max == 255


def test_the_real_cifar10(data_dir: Path) -> None:
    cifar10 = load_dataset("cifar10", str(data_dir))
    assert (cifar10.x_train.shape, cifar10.x_test.shape) == ((50000, 32, 32, 3), (10000, 32, 32, 3))
    assert cifar10.classes[cifar10.y_train[0]] == "frog"


def test_every_name_has_a_loader() -> None:
    assert dataset_names() == list(DATASETS)


def test_data_is_read_without_keras() -> None:
    code = "import sys; from search.datasets import load_dataset; load_dataset('digits'); "
    code += "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
