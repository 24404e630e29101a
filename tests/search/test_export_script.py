"""The script of an exported model has the study's own images, wherever they came from, and no folder of a machine."""

import importlib.util
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from search.datasets import load_dataset
from search.datasets.dataset import DataSet
from search.export import main
from search.exporting.paths import nameless, without_folders
from search.exporting.retraining import follow
from search.trainers.protocol import EpochEnd, Trained
from search.training.data.split import split
from spaces.epoch_scores import EpochScores
from spaces.resizing import Resizing
from storage.objective import Objective
from tests.helpers.carried_out import carry_out

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4

SPACE = """
from spaces.configuration import Block, Configuration
from spaces.space import Space


def suggest(trial):
    return Configuration(blocks=(Block((trial.suggest_int("width", 2, 4),)),), dense=())


space = Space(name="tiny", question="How wide?", description="", suggest=suggest)
"""


@pytest.fixture(autouse=True)
def keras_here(keras: Any) -> None:
    """The command runs in this process."""


def photographs(folder: Path) -> None:
    """Two classes of images of many kinds: turned, transparent, deeper than 8 bits, of several sizes, with damaged
    metadata.
    """
    draw = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            height, width = 10 + number, 12
            pixels = draw.integers(0, 256, (height, width, 4), np.uint8)
            place = folder / label / str(number)
            Image.fromarray(pixels, "RGBA").save(f"{place}-a.png")
            Image.fromarray(pixels[..., :3]).save(f"{place}-b.jpg", exif=turned)
            Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(f"{place}-c.png")
        Image.fromarray(pixels[..., :3]).save(folder / label / "damaged.png", exif=b"Exif\0\0garbage")
        deep = pixels[..., 0].astype(np.uint16) * 257
        deep[:4] = 777
        Image.fromarray(deep).save(folder / label / "cut_out.png", transparency=777)


@pytest.fixture
def launched(tmp_path: Path, server_of_trainers: str | None) -> Callable[..., None]:
    """Launches a search of one trial, with further flags, in the test's folder."""
    (tmp_path / "tiny.py").write_text(SPACE)
    small = ("--space", "tiny.py:space", "--n-trials", "1", "--epochs", "1")
    return partial(carry_out, tmp_path, "launch", *small, server=server_of_trainers)


def exported(folder: Path) -> ModuleType:
    """The script of the best trial, as a module."""
    flags = ["--storage", f"sqlite:///{folder / 'search.db'}", "-o", str(folder / "model.keras"), "-q"]
    done = CliRunner(catch_exceptions=False).invoke(main, flags)
    assert done.exit_code == 0, done.output
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def require_the_study_s_images(script: ModuleType, data: DataSet, limit: int | None = None) -> None:
    """Asserts that the script trains, validates and tests on what a study with the default seed does."""
    expected = split(data, 0.2, 0, limit)
    pairs = (
        (expected.scaled(expected.x_train), expected.y_train),
        (expected.scaled(expected.x_val), expected.y_val),
        (expected.scaled(expected.x_test), expected.y_test),
    )
    for (images, labels), (mine, my_labels) in zip(pairs, script.load_data(script.DATA), strict=True):
        np.testing.assert_allclose(script.prepare(mine), images, atol=1e-6)
        assert my_labels.tolist() == labels.tolist()


def test_a_folder_s_images_are_read_as_the_study_read_them_and_the_card_names_no_folder(
    tmp_path: Path, launched: Callable[..., None]
) -> None:
    photographs(tmp_path / "photos")
    launched("--dataset", str(tmp_path / "photos"))
    script = exported(tmp_path)
    require_the_study_s_images(script, load_dataset(str(tmp_path / "photos")))
    card, facts = ((tmp_path / f"model.{ending}").read_text() for ending in ("md", "json"))
    assert str(tmp_path) not in card + facts
    assert json.loads(facts)["dataset"] == "photos"


def test_resized_images_are_those_of_the_study_and_one_that_is_missing_is_named(
    tmp_path: Path, launched: Callable[..., None]
) -> None:
    photographs(tmp_path / "photos")
    launched("--dataset", "photos", "--image-size", "8x9", "--resize", "pad")
    script = exported(tmp_path)
    require_the_study_s_images(script, load_dataset(str(tmp_path / "photos"), None, Resizing((8, 9), "pad")))
    (tmp_path / "photos" / "cats" / "2-a.png").unlink()
    with pytest.raises(SystemExit, match=r"lacks 1 image\(s\) of the study, such as cats/2-a.png"):
        script.load_data(script.DATA)
    with pytest.raises(SystemExit, match="name it with --data"):
        script.load_data(tmp_path / "elsewhere")


def test_arrays_without_test_images_with_channels_first_and_a_limit_are_those_of_the_study(
    tmp_path: Path, launched: Callable[..., None]
) -> None:
    digits = load_dataset("digits")
    color = np.repeat(digits.x_train[:400], 3, axis=3).transpose(0, 3, 1, 2)
    np.savez(tmp_path / "own.npz", X_train=color, Y_train=digits.y_train[:400], data_format="channels_first")
    launched("--dataset", "own.npz", "--limit-train", "100")
    script = exported(tmp_path)
    require_the_study_s_images(script, load_dataset(str(tmp_path / "own.npz")), 100)
    np.savez(tmp_path / "another.npz", x_train=color)
    with pytest.raises(SystemExit, match=r"no X_train: these aren't the images of the study"):
        script.load_data(tmp_path / "another.npz")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("python -m search.launch --dataset /home/me/my/photos", "python -m search.launch --dataset photos"),
        (
            "launch --space=/a/b/s.py:space --storage sqlite:////a/c.db",
            "launch --space=s.py:space --storage sqlite:///c.db",
        ),
        ("launch '/home/my user/x' ~/data -o out/report.html", "launch x data -o out/report.html"),
        ("launch --storage postgresql://me@host/db", "launch --storage postgresql://me@host/db"),
    ],
)
def test_a_command_is_shown_without_the_folders_of_a_machine(command: str, shown: str) -> None:
    assert without_folders(command) == shown
    assert nameless("bn_dropout") == "bn_dropout"


def test_a_trial_that_is_trained_again_has_the_score_of_the_epoch_whose_model_it_kept() -> None:
    scores = [EpochScores(epoch, 1.0, 0.5, 1.0, value, 0.1, 0.01) for epoch, value in enumerate((0.6, 0.9, 0.7), 1)]
    objective = Objective("val_accuracy", "maximize")
    epochs = [EpochEnd(1, each) for each in scores]
    assert follow([*epochs, Trained(1, 10, 3, kept_epoch=2)], objective) == 0.9
    assert follow([*epochs, Trained(1, 10, 3)], objective) == 0.7
