"""`search.predict`: an exported model reads files as its data set was read, and every file is accounted for."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from search.datasets import load_dataset
from search.datasets.pictures import Depth, Form
from search.predict import main
from search.predict.image_files import ImageFile, read_image
from search.predict.predictions import BATCH

CLASSES = ("cats", "dogs")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4


def photograph(path: Path, seed: int, size: tuple[int, int] = (9, 7), **saved: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **saved)


def lying() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of two classes, of upright, lying, transparent and larger images."""
    folder = tmp_path / "photographs"
    for number, label in enumerate(CLASSES):
        for index in range(10):
            photograph(folder / label / f"{index}.png", 100 * number + index)
        photograph(folder / label / "lying.jpg", number, (7, 9), exif=lying())
        photograph(folder / label / "large.png", number, (90, 70))
        clear = np.random.default_rng(number).integers(0, 256, (7, 9, 4), np.uint8)
        Image.fromarray(clear).save(folder / label / "clear.png")
    return folder


def export(keras: Any, folder: Path, shape: Sequence[int], largest: float, classes: Sequence[str] = CLASSES) -> Path:
    """A model of random weights with its JSON file, as an export writes them."""
    keras.utils.set_random_seed(1)
    layers = [keras.Input(tuple(shape)), keras.layers.Rescaling(1 / largest), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(len(classes)), keras.layers.Softmax()])
    model.save(folder / "model.keras")
    document = {"classes": classes, "input": {"shape": shape}, "scaled_inside_by": largest, "seed": 3}
    (folder / "model.json").write_text(json.dumps(document))
    return folder / "model.keras"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def probabilities(done: Result) -> NDArray[Any]:
    rows = list(csv.reader(io.StringIO(done.stdout)))
    return np.array([[float(value) for value in row[3:]] for row in rows[1:]])


def refusal(done: Result) -> str:
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


def test_files_are_read_as_the_data_set_of_the_model_was(keras: Any, photographs: Path, tmp_path: Path) -> None:
    data = load_dataset(str(photographs))
    images = np.concatenate([data.x_train, data.x_test])
    path = export(keras, tmp_path, data.image_shape, data.pixel_max)
    expected = keras.saving.load_model(path)(images.astype(np.float32)).numpy()
    done = run(path, photographs, "-f", "csv")
    assert done.exit_code == 0, done.output
    given = probabilities(done)
    assert np.sort(given, axis=0) == pytest.approx(np.sort(expected, axis=0), abs=1e-5)
    assert "2 x turned upright" in done.stderr
    assert "2 x with transparency, put onto white" in done.stderr


def test_bytes_are_put_on_the_scale_of_the_model_s_data(keras: Any, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (8, 8, 1), 16.0)
    digit = np.arange(64, dtype=np.uint8).reshape(8, 8) % 17 * 15
    Image.fromarray(digit).save(tmp_path / "digit.png")
    expected = keras.saving.load_model(path)(digit.reshape(1, 8, 8, 1).astype(np.float32) / 255 * 16).numpy()
    assert probabilities(run(path, tmp_path / "digit.png", "-f", "csv")) == pytest.approx(expected, abs=1e-5)


def test_deep_images_keep_their_depth(keras: Any, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (8, 8, 1), 65535.0)
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    Image.fromarray(deep).save(tmp_path / "deep.png")
    expected = keras.saving.load_model(path)(deep.reshape(1, 8, 8, 1).astype(np.float32)).numpy()
    assert probabilities(run(path, tmp_path / "deep.png", "-f", "csv")) == pytest.approx(expected, abs=1e-5)


def test_pixels_of_the_depth_of_all_training_images_are_taken_as_they_are(tmp_path: Path) -> None:
    """The largest pixel of training may be darker than the largest possible one."""
    form, deep = Form(1, (8, 8)), np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    Image.fromarray(deep).save(tmp_path / "deep.png")
    depths: tuple[Depth | None, ...] = ("16-bit", None)
    same, other = (read_image(ImageFile(tmp_path / "deep.png"), form, 60_000.0, depth) for depth in depths)
    assert same.pixels[..., 0].tolist() == deep.tolist()
    assert other.pixels.max() == pytest.approx(63_000 * 60_000 / 65_535)


def test_files_are_not_taken_for_pixels_that_are_brought_below_0(keras: Any, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (8, 8, 1), 1.0)
    photograph(tmp_path / "photo.png", 1)
    Image.fromarray(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "deep.tif")
    document = json.loads((tmp_path / "model.json").read_text())
    document["input"]["lowest"] = -1.0
    (tmp_path / "model.json").write_text(json.dumps(document))
    assert "was trained on pixels from -1 on, and those of image files begin at 0" in refusal(
        run(path, tmp_path / "photo.png")
    )
    document["input"]["depth"] = "float"
    (tmp_path / "model.json").write_text(json.dumps(document))
    done = run(path, tmp_path / "photo.png", tmp_path / "deep.tif", "-f", "csv")
    assert (done.exit_code, len(probabilities(done))) == (1, 1)
    assert "photo.png is 8-bit, and the model was trained on float images" in " ".join(done.stderr.split())


def test_a_scale_that_is_not_known_is_said(keras: Any, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (8, 8, 1), 255.0)
    Image.fromarray(np.linspace(0, 900, 64, dtype=np.float32).reshape(8, 8)).save(tmp_path / "deep.tif")
    said = " ".join(run(path, tmp_path / "deep.tif").stderr.split())
    assert "1 x float or 32-bit, whose largest possible pixel isn't known: taken as they are" in said


def test_color_in_a_gray_model_is_said(keras: Any, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (8, 8, 1), 255.0)
    photograph(tmp_path / "color.png", 1)
    assert "1 x color, read as gray, as the model takes gray images" in run(path, tmp_path / "color.png").stderr


def test_more_images_than_a_batch_keep_their_order(keras: Any, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (7, 9, 3), 255.0)
    for number in range(BATCH + 3):
        photograph(tmp_path / "many" / f"{number:03}.png", number)
    done = run(path, tmp_path / "many", "-f", "csv")
    names = [Path(row[0]).name for row in csv.reader(io.StringIO(done.stdout))][1:]
    assert names == [f"{number:03}.png" for number in range(BATCH + 3)]
    last = probabilities(run(path, tmp_path / "many" / f"{BATCH + 2:03}.png", "-f", "csv"))
    assert probabilities(done)[-1:] == pytest.approx(last, abs=1e-5)


def test_what_cannot_be_read_is_named_and_the_rest_is_classified(keras: Any, photographs: Path, tmp_path: Path) -> None:
    (photographs / "cats" / "broken.png").write_bytes(b"no image")
    (photographs / "notes.txt").write_text("hello")
    path = export(keras, tmp_path, (7, 9, 3), 255.0)
    done = run(path, photographs, "-f", "json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert len(document["images"]) == 26
    assert [Path(one["file"]).name for one in document["unreadable"]] == ["broken.png"]
    assert document["left_out"] == [{"what": "no image that is read (.txt)", "count": 1, "examples": ["notes.txt"]}]
    assert "broken.png can't be read" in " ".join(done.stderr.split())
    first = document["images"][0]
    assert first["class"] == max(first["probabilities"], key=first["probabilities"].get)
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal(
    width: int, keras: Any, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(tmp_path)
    shown = run(export(keras, tmp_path, (7, 9, 3), 255.0), photographs.name).stdout
    assert "cats/0.png" in shown
    assert max(map(len, shown.splitlines())) <= width


def test_what_is_missing_or_does_not_fit_is_said(keras: Any, photographs: Path, tmp_path: Path) -> None:
    path = export(keras, tmp_path, (7, 9, 3), 255.0)
    (tmp_path / "empty").mkdir()
    assert "there is no model" in refusal(run(tmp_path / "other.keras", photographs))
    assert "there is no file or folder nowhere" in refusal(run(path, "nowhere"))
    assert "no images are there" in refusal(run(path, tmp_path / "empty"))
    export(keras, tmp_path, (7, 9, 4), 255.0)
    assert "takes images of 4 channels" in refusal(run(path, photographs))
    export(keras, tmp_path, (7, 9, 3), 255.0)
    (tmp_path / "model.json").write_text('{"classes": ["a"], "input": {"shape": [7, 9, 3]}, "scaled_inside_by": 255}')
    assert "describes another model" in refusal(run(path, photographs))
    (tmp_path / "model.json").write_text("{}")
    assert "isn't what python -m search.export writes" in refusal(run(path, photographs))
    (tmp_path / "model.json").unlink()
    assert "python -m search.export writes it next to the model" in refusal(run(path, photographs))
    (tmp_path / "model.json").write_text((tmp_path / "model.json").name)
    path.write_bytes(b"no model")
    assert refusal(run(path, photographs))
