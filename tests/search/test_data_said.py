"""What a launch says of the images before it starts, and what majorities it puts next to accuracies."""

import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from search.compare import main as compare
from search.launch import main
from search.views.data_text import data_text
from search.views.majority import majority_share, majority_words
from storage.manifest import Manifest
from storage.testkit import example_manifest


@pytest.fixture
def lopsided(tmp_path: Path) -> Path:
    """203 gray images with an array of no known name: 200 of class ok, 3 of broken."""
    x = np.random.default_rng(0).integers(0, 256, (203, 8, 8)).astype(np.uint8)
    y = np.array(["ok"] * 200 + ["broken"] * 3)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, notes=np.arange(3))
    return tmp_path / "own.npz"


def dry_run(data: Path, *flags: str, command: click.Command = main) -> Result:
    storage = f"--storage=sqlite:///{data.parent / 'search.db'}"
    arguments = ["--space", "bn_dropout", "--dataset", str(data), storage, "--dry-run", *flags]
    return CliRunner(env={"COLUMNS": "80"}).invoke(command, arguments, catch_exceptions=False)


def test_a_launch_says_what_it_read_in_80_columns(lopsided: Path) -> None:
    done = dry_run(lopsided)
    assert done.exit_code == 0
    words = " ".join(done.stderr.split())
    for line in (
        "training: broken 1, ok 128",
        "validation: broken 1, ok 32 (20% of each class, drawn from the training images by the seed)",
        "test: broken 1, ok 40 (a fifth of each class, the same in every search)",
        "found in x_train (training): 203 images of 8x8; 203 1 channel; uint8 from 0 to 255",
        "pixels divided by 255, the largest of the training images",
        "always naming ok gives 96.97% on the validation images, 97.56% on the test images",
        "left out: 1 arrays of other names (notes)",
    ):
        assert line in words
    said = [line for line in done.stderr.splitlines() if str(lopsided) not in line and "search.db" not in line]
    assert max(map(len, said)) <= 80


def test_a_dry_run_says_it_as_json_too(lopsided: Path) -> None:
    images = json.loads(dry_run(lopsided, "-f", "json").stdout)["images"]
    assert images["counts"]["test"] == {"broken": 1, "ok": 40}
    assert images["majority_share"]["test"] == pytest.approx(40 / 41)
    assert images["found"]["left_out"] == [{"what": "arrays of other names", "count": 1, "examples": ["notes"]}]


def test_a_data_set_of_two_scales_ends_with_exit_code_2_before_anything_is_created(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(1, 256, (12, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "own.npz", x_train=x, y_train=np.arange(12) % 2, x_test=x / 255, y_test=np.arange(12) % 2)
    done = dry_run(tmp_path / "own.npz")
    assert done.exit_code == 2
    assert "different scales" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["own.npz"]


@pytest.fixture
def with_validation(tmp_path: Path) -> Path:
    """Images that came with 6 for validation and 6 for the test."""
    x, y = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8), np.arange(40) % 2
    few, of = x[:6], y[:6]
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_val=few, y_val=of, x_test=few, y_test=of)
    return tmp_path / "own.npz"


def test_replicates_of_a_comparison_share_the_validation_images_that_came_with_the_data(with_validation: Path) -> None:
    done = dry_run(with_validation, "--axis", "batch_norm", command=compare)
    assert done.exit_code == 0
    words = " ".join(done.stderr.split())
    assert (
        "40 training and 6 validation images, which came with the data, the same in each replicate: seeds vary" in words
    )
    assert "always naming one class (0, say) gives 50.00% on the latter" in words
    assert "found in x_val (validation): 6 images of 8x8" in words


def test_a_share_for_validation_has_no_use_where_there_are_validation_images(with_validation: Path) -> None:
    done = dry_run(with_validation, "--validation-share", "0.3")
    assert done.exit_code == 2
    assert "has 6 validation images of its own" in done.stderr


def test_a_study_of_an_earlier_release_says_nothing_of_what_it_does_not_know() -> None:
    fields = json.loads(example_manifest().to_json())
    for field in ("own_validation", "class_counts", "inventory"):
        fields.pop(field)
    older = Manifest.from_json(json.dumps(fields))
    assert data_text(older) == majority_words(older, "test") == ""
    assert majority_share(older, "validation") is None


def images_of(folder: Path, side: int) -> Path:
    x = np.random.default_rng(0).integers(0, 256, (40, side, side)).astype(np.uint8)
    np.savez(folder / "own.npz", x_train=x, y_train=np.arange(40) % 2)
    return folder / "own.npz"


def test_images_too_small_for_every_configuration_are_refused_before_a_study_is_made(tmp_path: Path) -> None:
    done = dry_run(images_of(tmp_path, side=2))
    assert done.exit_code == 2
    words = " ".join(done.stderr.split())
    assert "none of 60 configurations that bn_dropout drew at random can be trained: images of 2x2" in words
    assert "Use fewer blocks, or larger images" in words
    assert [path.name for path in tmp_path.iterdir()] == ["own.npz"]


def test_images_too_small_for_some_configurations_are_told_of(tmp_path: Path) -> None:
    space = tmp_path / "deep.py"
    space.write_text(
        "from spaces import Configuration, Space\nfrom spaces.configuration import Block\n"
        "def suggest(trial):\n"
        "    return Configuration(blocks=(Block((4,)),) * trial.suggest_int('blocks', 1, 3))\n"
        "space = Space(name='deep', question='How deep?', suggest=suggest)\n"
    )
    storage = f"--storage=sqlite:///{tmp_path / 'search.db'}"
    arguments = ["--space", f"{space}:space", "--dataset", str(images_of(tmp_path, side=5)), storage, "--dry-run"]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    words = " ".join(done.stderr.split())
    assert "of 60 configurations drawn at random can't be trained, and such trials will fail: images of 5x5" in words
