"""Folders of photographs as people have them: every file is read as it was meant, or named with the reason."""

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from search.datasets import DataError, DataSet, load_dataset
from search.datasets.inventory import Named
from search.datasets.pictures import Form, PictureHeader, read_header, read_picture
from search.training.data.split import split

GRAYS = {"cats": 60, "dogs": 200}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 2 x 5 gray PNGs of 12x8 pixels, those of cats dark, those of dogs light."""
    fill(tmp_path / "photos")
    return tmp_path / "photos"


def fill(folder: Path, count: int = 5, mode: str = "L") -> None:
    for label, gray in GRAYS.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            shade = gray + number % 9
            color = shade if mode == "L" else (shade, shade, shade)
            Image.new(mode, (12, 8), color).save(folder / label / f"{number:03}.png")


def oriented(path: Path, orientation: int, **options: Any) -> None:
    """An image that is 12 wide and 8 high when it is upright, black but for a white left half."""
    upright = Image.new("RGB", (12, 8))
    upright.paste("white", (0, 0, 6, 8))
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.transpose(back[orientation]).save(path, exif=exif, **options)


def image_of(dataset: DataSet, label: str, number: int) -> NDArray[Any]:
    """An image by its class and its place among those of its class in the training images."""
    chosen: NDArray[Any] = dataset.x_train[dataset.y_train == dataset.classes.index(label)][number]
    return chosen


def in_parts(folder: Path, **names: str) -> Path:
    """The folder with the same images in `train` and `test`, so that none is held out; other names as said."""
    for name in (names.get("train", "train"), names.get("test", "test")):
        fill(folder / name)
    return folder


def reasons(dataset: DataSet) -> dict[str, int]:
    return {named.what: named.count for named in dataset.inventory.left_out}


def treatment(dataset: DataSet) -> dict[str, int]:
    return {named.what: named.count for named in dataset.inventory.treated}


def test_plain_folders_have_the_fingerprints_that_earlier_releases_gave_them(tmp_path: Path) -> None:
    for mode in ("L", "RGB"):
        for label, gray in (("cats", 50), ("dogs", 200)):
            folder = tmp_path / mode / label
            folder.mkdir(parents=True)
            for number in range(5):
                color: Any = gray + number if mode == "L" else (gray, number, 40)
                Image.new(mode, (6, 4 + number % 2), color).save(folder / f"{number}.png")
    assert [load_dataset(str(tmp_path / mode)).fingerprint() for mode in ("L", "RGB")] == [
        "4246302eaae44b5aedec5f2495c8a09174def439e9e05cde3ab6a210abd6d474",
        "3133a7f5059e20b363fcefba74e7ae2b2c3eb7b8d88f6a888b50091eb8ff27de",
    ]
    for part in ("train", "test"):
        shutil.copytree(tmp_path / "RGB", tmp_path / "parts" / part)
    parts = load_dataset(str(tmp_path / "parts"))
    assert parts.fingerprint() == "417fa661d54d18572497691a18a4cebf4b76caa9039fd1e14a6fefaa2c17f629"


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_images_keep_their_depth(tmp_path: Path, suffix: str) -> None:
    ramp = np.arange(96, dtype=np.uint16).reshape(8, 12) * 600
    for label in GRAYS:
        (tmp_path / label).mkdir()
        for number in range(4):
            Image.fromarray(ramp + number).save(tmp_path / label / f"{number}.{suffix}")
    deep = load_dataset(str(tmp_path))
    assert deep.image_shape == (8, 12, 1)
    assert np.array_equal(np.unique(deep.x_train[0]), np.unique(ramp + deep.x_train[0].min()))
    assert 0.99 < deep.x_train.max() / deep.pixel_max <= 1
    assert deep.inventory.parts[0].pixels[0].type == "16-bit"


@pytest.mark.parametrize(("kind", "name"), [(np.int32, "32-bit"), (np.float32, "float")])
def test_numbers_of_any_size_are_divided_by_the_largest(tmp_path: Path, kind: Any, name: str) -> None:
    ramp = (np.arange(96).reshape(8, 12) * 1000).astype(kind)
    for label in GRAYS:
        (tmp_path / label).mkdir()
        for number in range(4):
            Image.fromarray(ramp + kind(number)).save(tmp_path / label / f"{number}.tif")
    deep = load_dataset(str(tmp_path))
    scaled = split(deep, 0.3, seed=0).scaled(deep.x_train)
    assert len(np.unique(scaled[0])) == 96
    assert deep.inventory.parts[0].pixels[0].type == name
    assert deep.inventory.scaling.startswith("divided by 9500")


def test_several_depths_are_brought_to_one_scale_and_that_is_said(photos: Path) -> None:
    half = np.full((8, 12), 0.5)
    for label in GRAYS:
        Image.fromarray((half * 65535).astype(np.uint16)).save(photos / label / "x16.png")
        Image.fromarray(half.astype(np.float32)).save(photos / label / "xfloat.tif")
        Image.fromarray(half.astype(np.float32)).save(photos / label / "yfloat.tif")
    mixed = load_dataset(str(photos))
    images = np.concatenate([mixed.x_train, mixed.x_test])[..., 0]
    assert mixed.pixel_max == 1
    assert np.isclose(images, 0.5, atol=1e-4).all(axis=(1, 2)).sum() == 6
    assert np.isclose(images, 60 / 255).all(axis=(1, 2)).sum() == 1
    assert mixed.inventory.scaling == "divided by 255 (8-bit), 65535 (16-bit), 1 (float)"
    assert mixed.inventory.parts[0].kinds == {"gray": 10, "float gray": 4, "16-bit gray": 2}


def test_a_float_image_with_nan_is_named(photos: Path) -> None:
    Image.fromarray(np.full((8, 12), np.nan, np.float32)).save(photos / "cats" / "nan.tif")
    with pytest.raises(DataError, match=r"nan\.tif can't be read \(it has pixels that are NaN or infinite"):
        load_dataset(str(photos))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_images_stand_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    for label in GRAYS:
        (tmp_path / label).mkdir()
        for number in range(4):
            oriented(tmp_path / label / f"{number}.{suffix}", orientation)
    upright = load_dataset(str(tmp_path))
    assert upright.image_shape == (8, 12, 3)
    assert upright.x_train[..., :4, :].min() > 200
    assert upright.x_train[..., 8:, :].max() < 50
    assert treatment(upright) == {"turned upright, as their EXIF orientation says": 8}
    assert upright.inventory.parts[0].sizes.largest == (8, 12)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "1"])
def test_what_is_transparent_is_white(photos: Path, mode: str) -> None:
    path = photos / "cats" / "000.png"
    clear: dict[str, Any] = {"RGBA": (9, 9, 9, 0), "LA": (9, 0)}
    options: dict[str, Any] = {"P": {"transparency": 0}, "L": {"transparency": 0}, "1": {"transparency": 0}}
    options["RGB"] = {"transparency": (0, 0, 0)}
    Image.new(mode, (12, 8), clear.get(mode, 0)).save(path, **options.get(mode, {}))
    seen = load_dataset(str(photos))
    everything = np.concatenate([seen.x_train, seen.x_test])
    assert (everything.min(axis=(1, 2, 3)) == 255).sum() == 1
    assert treatment(seen) == {"with transparency, put onto white": 1}
    assert seen.image_shape[2] == (3 if mode in {"RGBA", "P", "RGB"} else 1)


def test_an_alpha_channel_that_hides_nothing_changes_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "plain", mode="RGB")
    fill(tmp_path / "alpha", mode="RGB")
    for path in (tmp_path / "alpha").rglob("*.png"):
        Image.open(path).convert("RGBA").save(path)
    plain, alpha = (load_dataset(str(tmp_path / name)) for name in ("plain", "alpha"))
    assert plain.fingerprint() == alpha.fingerprint()
    assert treatment(alpha) == {}


def png_of_16_bit_color() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + np.full((12, 3), 40000, ">u2").tobytes()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 12, 8, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b"")


def test_color_deeper_than_8_bits_is_scaled_and_that_is_said(photos: Path) -> None:
    (photos / "cats" / "deep.png").write_bytes(png_of_16_bit_color())
    seen = load_dataset(str(photos))
    everything = np.concatenate([seen.x_train, seen.x_test])
    assert (everything == 40000 >> 8).all(axis=(1, 2, 3)).sum() == 1
    assert treatment(seen) == {"color deeper than 8 bits, read as 8 bits": 1}


def test_modes_of_print_and_of_one_bit_become_what_they_show(photos: Path) -> None:
    Image.new("CMYK", (12, 8), (0, 255, 255, 0)).save(photos / "cats" / "red.jpg", quality=100)
    Image.new("1", (12, 8), 1).save(photos / "cats" / "white.png")
    seen = load_dataset(str(photos))
    everything = np.concatenate([seen.x_train, seen.x_test]).mean(axis=(1, 2))
    assert np.isclose(everything, (255, 0, 0), atol=4).all(axis=1).sum() == 1
    assert (everything == 255).all(axis=1).sum() == 1
    assert seen.inventory.parts[0].kinds == {"gray": 10, "CMYK": 1, "1-bit": 1}


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp"])
def test_of_several_frames_the_first_is_used_and_that_is_said(photos: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (12, 8), color) for color in ("red", "blue")]
    frames[0].save(photos / "cats" / f"many.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    seen = load_dataset(str(photos))
    everything = np.concatenate([seen.x_train, seen.x_test])
    assert (everything == (255, 0, 0)).all(axis=(1, 2, 3)).sum() == 1
    assert treatment(seen) == {"with several frames or pages, of which the first is used": 1}


@pytest.mark.parametrize("names", [("Training", "Testing"), ("TRAIN", "Test"), ("training_set", "test_set")])
def test_parts_may_have_their_common_names(tmp_path: Path, names: tuple[str, str]) -> None:
    own = load_dataset(str(in_parts(tmp_path / "photos", train=names[0], test=names[1])))
    assert own.classes == ("cats", "dogs")
    assert (len(own.y_train), len(own.y_test)) == (10, 10)
    assert [part.source for part in own.inventory.parts] == [f"{name}/" for name in names]


@pytest.mark.parametrize("name", ["val", "Valid", "validation", "dev"])
def test_a_folder_for_validation_is_the_validation_part(tmp_path: Path, name: str) -> None:
    folder = in_parts(tmp_path / "photos")
    fill(folder / name, count=2)
    own = load_dataset(str(folder))
    parts = split(own, 0.2, seed=3)
    assert (parts.n_train, parts.n_val, len(parts.y_test)) == (10, 4, 10)
    assert sorted({int(image.max()) for image in parts.x_val}) == [60, 61, 200, 201]


def test_an_archive_unpacked_into_a_folder_of_its_name_is_understood(tmp_path: Path) -> None:
    fill(tmp_path / "photos" / "train" / "train")
    fill(tmp_path / "photos" / "test")
    assert len(load_dataset(str(tmp_path / "photos")).y_test) == 10


def test_images_deeper_than_their_class_are_told_of(photos: Path) -> None:
    """By year and then by kind: the years are the classes, which may not be what was meant."""
    for year in ("2020", "2021"):
        fill(photos / year)
    for label in GRAYS:
        shutil.rmtree(photos / label)
    own = load_dataset(str(photos))
    assert own.classes == ("2020", "2021")
    examples = ("2020/cats/000.png", "2020/cats/001.png", "2020/cats/002.png")
    told = "in folders within that of a class, taken as images of that class"
    assert own.inventory.treated == (Named(told, 20, examples),)


def test_trains_may_be_a_class(photos: Path) -> None:
    (photos / "cats").rename(photos / "train")
    assert load_dataset(str(photos)).classes == ("dogs", "train")


def two_names_of_validation(folder: Path) -> None:
    fill(in_parts(folder) / "val")
    fill(folder / "valid")


def parts_without_classes(folder: Path) -> None:
    fill(folder)
    (folder / "cats").rename(folder / "Training")
    (folder / "dogs").rename(folder / "Testing")


def loose_test_images(folder: Path) -> None:
    fill(folder / "train")
    (folder / "test").mkdir()
    Image.new("L", (12, 8)).save(folder / "test" / "1.png")


def only_validation_and_test(folder: Path) -> None:
    fill(folder / "val")
    fill(folder / "test")


def classes_next_to_parts(folder: Path) -> None:
    in_parts(folder)
    fill(folder)


def parts_in_classes(folder: Path) -> None:
    for label in GRAYS:
        for part in ("train", "test"):
            (folder / label / part).mkdir(parents=True)
            Image.new("L", (12, 8), 9).save(folder / label / part / "1.png")


def one_folder_too_many(folder: Path) -> None:
    fill(folder / "photos")


def one_folder_too_many_above_training(folder: Path) -> None:
    fill(folder / "photos" / "train")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (two_names_of_validation, "two folders for validation, val and valid: put their images together"),
        (parts_without_classes, "Testing and Training, named as parts .* make them, such as .*/Testing/cats/1.png"),
        (loose_test_images, r"next to them test with 1 image\(s\), .* sort its images"),
        (only_validation_and_test, "has test, val, but no folder for training: name it train"),
        (classes_next_to_parts, r"next to them cats with 5 image\(s\)"),
        (parts_in_classes, "cats looks like a class and has the sub-folder.* test, train, named as parts"),
        (one_folder_too_many, r"one folder only, photos, .* give .*photos/photos\."),
        (one_folder_too_many_above_training, r"one folder only, photos, .* give .*photos/photos\."),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    (tmp_path / "photos").mkdir()
    make(tmp_path / "photos")
    with pytest.raises(DataError, match=message):
        load_dataset(str(tmp_path / "photos"))


def test_copies_in_hidden_folders_do_not_count_twice(photos: Path) -> None:
    for hidden in (".ipynb_checkpoints", "@eaDir", "__MACOSX"):
        (photos / "cats" / hidden).mkdir()
        for number in range(2):
            Image.new("L", (12, 8)).save(photos / "cats" / hidden / f"{number}.png")
    (photos / "@eaDir").mkdir()
    own = load_dataset(str(photos))
    assert own.classes == ("cats", "dogs")
    assert own.inventory.images == 10
    assert sum(reasons(own).values()) == 6
    assert reasons(own)["in hidden folders (@eaDir)"] == 2


def test_all_images_that_are_damaged_are_counted_at_once(photos: Path) -> None:
    for number in range(3):
        (photos / "dogs" / f"broken{number}.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken0\.png can't be read .* So it is with 2 more"):
        load_dataset(str(photos))


@pytest.mark.parametrize("name", ["big\ncats", "cats\t", " "])
def test_a_class_folder_whose_name_is_no_line_is_named(photos: Path, name: str) -> None:
    (photos / "cats").rename(photos / name)
    with pytest.raises(DataError, match=r"has control characters such as line ends, or nothing to be seen\. Rename it"):
        load_dataset(str(photos))


def test_a_folder_that_links_to_itself_is_read_once(photos: Path) -> None:
    (photos / "cats" / "again").symlink_to(photos)
    own = load_dataset(str(photos))
    assert own.inventory.images == 10
    assert reasons(own) == {"folder that is read in another place already": 1}


def test_a_class_of_other_files_says_why_it_has_no_images(photos: Path) -> None:
    (photos / "birds").mkdir()
    (photos / "birds" / "song.mp3").write_bytes(b"ID3")
    with pytest.raises(DataError, match=r"classes without images: birds \(1 x no image that is read \(\.mp3\)\)"):
        load_dataset(str(photos))


HEIC = b"\0\0\0\x1cftypheic" + bytes(40)


def test_heic_without_its_package_is_named_with_what_to_install(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.datasets.folder.register_heic", lambda: False)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    for name in ("a.heic", "b.jpg", "c"):
        (photos / "cats" / name).write_bytes(HEIC)
    own = load_dataset(str(photos))
    assert own.inventory.left_out == (
        Named("HEIC, which is read after: pip install pillow-heif", 3, ("cats/a.heic", "cats/b.jpg", "cats/c")),
    )


def test_heic_is_read_where_its_package_is(photos: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (12, 8), "white")).save(photos / "cats" / "a.heic")
    own = load_dataset(str(photos))
    assert own.inventory.images == 11
    assert own.inventory.left_out == ()


def trouble(folder: Path) -> None:
    """300 files under a folder, with everything in it that people's folders have; at least 260 are photographs."""
    fill(folder / "Training", count=100, mode="RGB")
    fill(folder / "Validation", count=10, mode="RGB")
    fill(folder / "Testing", count=10, mode="RGB")
    cats, dogs = folder / "Training" / "cats", folder / "Training" / "dogs"
    for number in range(5):
        oriented(cats / f"portrait{number}.jpg", 6)
        Image.new("RGBA", (12, 8), (0, 0, 0, 0)).save(dogs / f"cut_out{number}.png")
        Image.fromarray(np.full((8, 12), 65535, np.uint16)).save(cats / f"scan{number}.png")
        Image.new("RGB", (12, 8), "red").save(dogs / f"saved{number}.jfif", "JPEG")
    for number in range(3):
        Image.new("RGB", (12, 8), "red").save(cats / f"no_suffix{number}", "PNG")
        Image.new("RGB", (12, 8), "red").save(dogs / f"modern{number}.avif")
        (dogs / f"notes{number}.txt").write_text("a dog")
        (cats / f"lost{number}.png").symlink_to(folder / "nowhere.png")
    (cats / ".ipynb_checkpoints").mkdir()
    for number in range(6):
        Image.new("RGB", (12, 8)).save(cats / ".ipynb_checkpoints" / f"{number:03}-checkpoint.png")
    (folder / "labels.csv").write_text("file,label")
    (folder / "Training" / ".DS_Store").write_bytes(b"\0")
    Image.fromarray(np.full((8, 12), 4.0, np.float32)).save(dogs / "measured0.tif")
    Image.fromarray(np.full((8, 12), 2.0, np.float32)).save(dogs / "measured1.tif")
    for number in range(18):
        Image.new("P", (12, 8), 3).save(cats / f"palette{number}.gif")


def files_under(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)  # noqa: PTH118


def test_a_folder_with_all_troubles_is_read_rightly_and_its_counts_add_up(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    trouble(folder)
    assert len(list(files_under(folder))) == 300
    own = load_dataset(str(folder))
    inventory = own.inventory
    assert inventory.files == 300
    assert inventory.images + sum(inventory_named.count for inventory_named in inventory.left_out) == 300
    assert reasons(own) == {
        "in hidden folders (.ipynb_checkpoints)": 6,
        "link to nothing": 3,
        "no image that is read (.txt)": 3,
        "hidden": 1,
        "outside of the folders of classes": 1,
    }
    assert [(part.name, part.total) for part in inventory.parts] == [
        ("training", 246),
        ("validation", 20),
        ("test", 20),
    ]
    assert own.image_shape == (8, 12, 3)
    assert treatment(own) == {
        "turned upright, as their EXIF orientation says": 5,
        "with transparency, put onto white": 5,
    }
    assert inventory.scaling == "divided by 255 (8-bit), 65535 (16-bit), 4 (float)"
    paths = sorted((folder / "Training" / "cats").glob("[!.]*"))
    names = [path.name for path in paths if path.is_file()]
    assert np.allclose(image_of(own, "cats", names.index("scan0.png")), 1)
    assert image_of(own, "cats", names.index("portrait0.jpg"))[:, :4].min() > 0.8
    assert np.allclose(image_of(own, "cats", names.index("no_suffix0")), (1, 0, 0))
    dogs = sorted(path.name for path in (folder / "Training" / "dogs").iterdir() if path.suffix != ".txt")
    assert np.allclose(image_of(own, "dogs", dogs.index("cut_out0.png")), 1)
    assert np.allclose(image_of(own, "dogs", dogs.index("measured0.tif")), 1)
    assert np.allclose(image_of(own, "dogs", dogs.index("measured1.tif")), 0.5)
    assert np.allclose(image_of(own, "dogs", dogs.index("modern0.avif")), (1, 0, 0), atol=0.02)


def test_a_file_that_is_no_image_by_any_name_is_named_by_its_suffix(photos: Path) -> None:
    (photos / "cats" / "README").write_text("cats")
    file = io.BytesIO()
    Image.new("RGB", (12, 8)).save(file, "ICO")
    (photos / "cats" / "icon.ico").write_bytes(file.getvalue())
    assert reasons(load_dataset(str(photos))) == {
        "no image that is read (.ico)": 1,
        "no image that is read (no suffix)": 1,
    }


@pytest.mark.parametrize("content", ["BMI,age\n" + "22,40\n" * 9, "BM", "P5 notes\n", "P6 is the plan\n"])
def test_a_text_that_begins_as_an_image_does_is_left_out_as_any_text(photos: Path, content: str) -> None:
    (photos / "cats" / "table.csv").write_text(content)
    (photos / "cats" / "NOTES").write_text(content)
    assert reasons(load_dataset(str(photos))) == {
        "no image that is read (.csv)": 1,
        "no image that is read (no suffix)": 1,
    }


def test_a_text_that_has_the_name_of_an_image_is_named(photos: Path) -> None:
    (photos / "cats" / "table.bmp").write_text("BMI,age\n")
    with pytest.raises(DataError, match=r"table\.bmp can't be read"):
        load_dataset(str(photos))


def test_an_image_that_is_emptied_while_it_is_read_is_named(photos: Path) -> None:
    path = photos / "cats" / "000.png"
    header = read_header(path)
    assert isinstance(header, PictureHeader)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"000\.png can't be read"):
        read_picture(path, header, Form(1, header.size))
