"""Images that are in two parts are found, also after another compression; images that only look alike aren't."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from search.check.image_copies import check_copies, copies_in
from search.datasets import load_dataset
from search.training.data.split import split

Photographs = NDArray[np.uint8]


def photographs(n: int, seed: int, side: int = 48) -> Photographs:
    """Smooth color images, as photographs are."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (n, 6, 6, 3), np.uint8)
    large = [Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC) for one in small]
    return np.stack([np.asarray(one.filter(ImageFilter.GaussianBlur(1))) for one in large])


def compressed(images: Photographs, quality: int) -> Photographs:
    """The images after JPEG."""
    found = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return np.stack(found)


def test_parts_without_copies_are_ok() -> None:
    finding = check_copies(photographs(300, 1), {"validation": photographs(100, 2), "test": photographs(100, 3)})
    assert (finding.verdict, finding.numbers["test"]["copies"]) == ("ok", 0)


@pytest.mark.parametrize("quality", [95, 60])
def test_copies_are_found_after_another_compression(quality: int) -> None:
    train, test = photographs(300, 1), photographs(100, 3)
    test[:20] = compressed(train[40:60], quality)
    found = copies_in("test", train, test)
    assert found.copies >= 18
    assert (40, 0) in found.examples or (41, 1) in found.examples
    finding = check_copies(train, {"test": test})
    assert finding.verdict == "problem"
    assert "of 100 test images are among the training images" in finding.words


def test_a_single_copy_is_something_to_look_at() -> None:
    train, test = photographs(300, 1), photographs(200, 3)
    test[7] = train[11]
    finding = check_copies(train, {"test": test})
    assert finding.verdict == "look"
    assert finding.numbers["test"]["examples"] == ((11, 7),)


def test_plain_images_are_no_copies_of_each_other() -> None:
    plain = np.full((50, 32, 32, 1), 255, np.uint8)
    assert copies_in("test", plain, plain[:5]).copies == 0


def test_small_images_are_compared_pixel_by_pixel() -> None:
    data = load_dataset("digits")
    parts = split(data, 0.2, 0)
    assert check_copies(parts.x_train, {"validation": parts.x_val, "test": parts.x_test}).verdict == "ok"
    test = parts.x_test.copy()
    test[3] = parts.x_train[5]
    found = copies_in("test", parts.x_train, test)
    assert (found.copies, found.examples) == (1, ((5, 3),))
