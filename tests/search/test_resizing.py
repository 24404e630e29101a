"""--image-size and --resize: images of a folder in one size, which predictions and checkpoints know."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from search.datasets import DataError, DataSet, load_dataset
from search.datasets.resizing import resized
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.predict.exported_model import Description, ExportedModel
from search.predict.image_files import ImageFile, read_image
from search.trainers.protocol import DataSource, Train
from search.training.jobs.job import _identity
from spaces import load_space
from spaces.configuration import Block, Configuration
from spaces.costs import cost_of
from spaces.resizing import AS_FOUND, Resize, Resizing
from storage import Manifest, create_study
from storage.differences import differences
from storage.errors import ManifestMismatch
from tests.helpers.launches import RunLaunch

EARLIER = "e76fb6539c45c7f843dc9fd697aa28c951d8485c49163747c65dceebf57ada43"  # of the job below, by release 0.1.0
RESIZES: tuple[Resize, ...] = ("crop", "pad", "stretch")


def fill(folder: Path, size: tuple[int, int] = (12, 8)) -> Path:
    """Two classes of color photographs of a size, (width, height), a few of them deeper or turned."""
    draw = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            pixels = draw.integers(0, 256, (size[1] + number, size[0], 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos")


def pixels_of(data: DataSet) -> set[bytes]:
    return {image.tobytes() for image in (*data.x_train, *data.x_test)}


def striped() -> Image.Image:
    """12 wide, 8 high: the left and the right quarter are black, what is between them is white."""
    image = Image.new("L", (12, 8))
    image.paste(255, (3, 0, 9, 8))
    return image


def array_of(resize: Resize) -> NDArray[np.uint8]:
    return np.asarray(resized(striped(), (8, 8), resize))


def test_a_crop_keeps_the_aspect_and_cuts_both_ends() -> None:
    cropped = array_of("crop")
    assert (cropped[:, 0] == 0).all()
    assert cropped[:, 1:7].tolist() == np.full((8, 6), 255).tolist()
    assert (cropped[:, 7] == 0).all()


def test_padding_keeps_everything_and_leaves_black_around_it() -> None:
    padded = array_of("pad")
    assert (padded[[0, 7]] == 0).all()
    assert (padded[2:6, 3:5] == 255).all()


def test_stretching_scales_each_side_by_itself() -> None:
    assert (array_of("stretch")[:, 3:5] == 255).all()
    assert array_of("stretch").min(axis=0).tolist() == array_of("stretch").max(axis=0).tolist()


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    wanted=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["L", "RGB", "F"]),
    resize=st.sampled_from(RESIZES),
)
def test_every_image_gets_the_size_and_one_that_has_it_stays(
    width: int, height: int, wanted: tuple[int, int], mode: str, resize: Resize
) -> None:
    image = Image.new(mode, (width, height))
    assert resized(image, wanted, resize).size == wanted
    assert resized(image, image.size, resize) is image


@pytest.mark.parametrize("resize", RESIZES)
def test_predictions_see_the_pixels_that_training_saw(photos: Path, resize: Resize) -> None:
    data = load_dataset(str(photos), None, Resizing((9, 7), resize))
    assert data.image_shape == (9, 7, 3)
    document = {"classes": data.classes, "input": {"shape": (9, 7, 3), "resize": resize}, "scaled_inside_by": 255.0}
    model = ExportedModel(None, msgspec.convert(document, Description))
    read = [read_image(ImageFile(path), model.form, 255.0).pixels for path in photos.rglob("*.png")]
    assert {pixels.astype(np.uint8).tobytes() for pixels in read} == pixels_of(data)


def test_a_model_of_an_earlier_release_stretches() -> None:
    document = json.dumps({"classes": ["a", "b"], "input": {"shape": [9, 7, 3]}, "scaled_inside_by": 255.0})
    assert msgspec.json.decode(document, type=Description).input.resize == "stretch"


def test_without_flags_images_are_what_they_were(photos: Path) -> None:
    before = load_dataset(str(photos)).fingerprint()
    assert load_dataset(str(photos), None, Resizing((10, 12), "stretch")).fingerprint() == before
    assert load_dataset(str(photos), None, Resizing((10, 12), "crop")).fingerprint() != before


def test_arrays_are_used_as_they_are() -> None:
    with pytest.raises(DataError, match="digits has arrays, which are used as they are"):
        load_dataset("digits", None, Resizing((4, 4)))


def test_a_checkpoint_of_an_earlier_release_is_still_that_of_its_job() -> None:
    """The identity as it was computed when a source of data said nothing of resizing."""
    space, data = load_space("bn_dropout"), DataSource("digits", limit_train=300)
    job = Train(1, Configuration(), "bn_dropout", data, 3, 64, 3, 5, 1, "slot")
    assert _identity(job, space) == EARLIER
    other = msgspec.structs.replace(job, data=msgspec.structs.replace(data, resizing=Resizing((8, 8))))
    assert _identity(other, space) != EARLIER


def test_a_study_goes_on_with_its_size_and_refuses_another(photos: Path, sqlite_url: str) -> None:
    options = LaunchOptions(space="bn_dropout", storage=sqlite_url, dataset=str(photos), image_size=((16, 20),))
    first = make_plan(options)
    assert first.manifest.resizing == Resizing((16, 20), "crop")
    assert first.manifest.image_shape == (16, 20, 3)
    with create_study(first.url, first.study_name, first.manifest):
        pass
    assert make_plan(replace(options, image_size=())).manifest.resizing == first.manifest.resizing
    with pytest.raises(
        ManifestMismatch, match=r"--image-size, --resize: the study has 16x20, crop, asked for was 16x20, pad$"
    ):
        make_plan(replace(options, resize="pad"))


def test_a_manifest_of_an_earlier_release_has_images_as_they_were_found(sqlite_url: str) -> None:
    manifest = make_plan(LaunchOptions(space="bn_dropout", storage=sqlite_url, pruner="none")).manifest
    document = json.loads(manifest.to_json())
    del document["resizing"]
    stored = Manifest.from_json(json.dumps({**document, "schema_version": 3}))
    assert stored.resizing == AS_FOUND
    assert differences(stored, manifest) == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--image-size", "big"), "'big' isn't a size of images"),
        (("--image-size", "0x4"), "'0x4' isn't a size of images"),
        (("--image-size", "8x8x3"), "height and width, as 96x128"),
        (("--resize", "squeeze"), "squeeze"),
        (("--image-size", "16", "--dataset", "digits"), "digits has arrays"),
        (("--image-size", "4"), "can be trained"),
        (("--image-size", "8,big"), "'big' isn't a size of images"),
        (("--image-size", "8,8x8"), "'8,8x8' has a size twice"),
        (("--image-size", "4,16"), "configurations with images of 4x4 that bn_dropout drew at random can be trained"),
        (("--image-size", "8,16", "--dataset", "digits"), "digits has arrays"),
        (("--image-size", "8", "--only", "image_size=8"), "There is no parameter 'image_size'"),
        (("--image-size", "8,16", "--fix", "image_size=9"), "image_size = 9 is outside {8, 16}"),
    ],
)
def test_what_is_wrong_ends_before_anything_is_made(flags: tuple[str, ...], words: str, cli: RunLaunch) -> None:
    fill(Path("photos"))
    refused = cli("--space", "bn_dropout", "--dataset", "photos", *flags)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.split())
    assert [path.name for path in Path.cwd().iterdir()] == ["photos"]


def test_the_plan_says_what_large_images_cost_and_what_would_halve_it(cli: RunLaunch) -> None:
    fill(Path("photos"))
    flags = ("--space", "bn_dropout", "--dataset", "photos", "--dry-run", "-f", "json")
    large = cli(*flags, "--image-size", "224")
    assert "million weights at 224x224: --image-size 158x158 would halve that" in " ".join(large.stderr.split())
    cost = json.loads(large.stdout)["cost"]
    assert cost["images_mb"] == pytest.approx(12 * 224 * 224 * 3 / 1e6)
    assert cost["first_dense"] > 1_000_000
    assert "million weights" not in cli(*flags, "--image-size", "16").stderr


def test_batches_that_no_memory_holds_are_refused(cli: RunLaunch) -> None:
    fill(Path("photos"))
    flags = ("--space", "bn_dropout", "--dataset", "photos", "--image-size", "1024", "--batch-size", "65536")
    refused = cli(*flags)
    assert refused.exit_code == 2
    assert "give a smaller --batch-size, or smaller images (--image-size)" in " ".join(refused.stderr.split())
    assert cli(*flags, "--n-workers", "0", "--dry-run").exit_code == 0


def test_a_first_dense_layer_is_counted_from_the_layers() -> None:
    small = Configuration((Block((8,)), Block((16,), kernel=5, padding="valid")), dense=(10,))
    cost = cost_of(small, (20, 12, 3), classes=4)
    assert cost.first_dense == 3 * 1 * 16 * 10
    assert cost_of(Configuration((), dense=()), (20, 12, 3), classes=4).first_dense == 20 * 12 * 3 * 4
