"""Images of classes of unequal size, for docs/results/class-weight.md.

    python benchmarks/imbalanced_images.py photographs OUT
    python benchmarks/imbalanced_images.py mnist OUT --data-dir DIR
    python benchmarks/imbalanced_images.py photographs OUT --smoke

`photographs` writes 300 generated pictures of three classes (180, 90 and 30), textures under changing light, into
folders; `mnist` writes mnist-thinned.npz: 1,000 training images of each digit from 0 to 4 and 50 of each from 5 to 9,
200 others of each for validation, and MNIST's test images. Prints JSON: the images of each class.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64
SIZES = {"grass": 180, "gravel": 90, "water": 30}
PERIODS = {"grass": 7.0, "gravel": 9.0, "water": 11.0}  # of the texture's waves, in pixels
MANY, FEW, VALIDATING = 1000, 50, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", choices=("photographs", "mnist"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--smoke", action="store_true", help="a tenth of the photographs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.images == "photographs":
        counts = {kind: n // 10 if options.smoke else n for kind, n in SIZES.items()}
        photographs(options.out, counts)
    else:
        counts = thinned_mnist(options.data_dir / "mnist.npz", options.out / "mnist-thinned.npz")
    print(json.dumps(counts))


def photographs(out: Path, counts: Mapping[str, int]) -> None:
    """Writes this many pictures of each class."""
    source = np.random.default_rng(7)
    for kind, count in counts.items():
        (out / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.fromarray(photograph(source, PERIODS[kind])).save(out / kind / f"{number:03d}.jpg", quality=85)


def photograph(source: np.random.Generator, period: float) -> NDArray[np.uint8]:
    """A picture (64, 64, 3) of waves of about this period, in any direction, noisy, unevenly lit and tinted."""
    rows, columns = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    light, tint = source.uniform(0.4, 1.0), source.uniform(0.7, 1.0, 3)
    angle, period, phase = source.uniform(0, np.pi), source.normal(period, 1.2), source.uniform(0, 2 * np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns + source.normal(0, 1.5, (SIDE, SIDE))
    waves = 0.5 + 0.25 * np.sin(2 * np.pi * along / period + phase)
    down, right = source.uniform(-0.004, 0.004, 2)
    slope = down * (rows - SIDE / 2) + right * (columns - SIDE / 2)
    pixels = light * (waves + slope)[..., None] * tint + source.normal(0, 0.12, (SIDE, SIDE, 3))
    return (255 * pixels.clip(0, 1)).astype(np.uint8)


def thinned_mnist(source: Path, target: Path) -> dict[str, int]:
    """Writes MNIST with rare digits; returns the training images of each."""
    arrays = np.load(source)
    order = np.random.default_rng(0).permutation(len(arrays["x_train"]))
    x, y = arrays["x_train"][order], arrays["y_train"][order]
    train = np.concatenate([np.flatnonzero(y == digit)[: MANY if digit < 5 else FEW] for digit in range(10)])
    rest = np.setdiff1d(np.arange(len(x)), train)
    validation = np.concatenate([rest[y[rest] == digit][:VALIDATING] for digit in range(10)])
    np.savez(
        target,
        x_train=x[train],
        y_train=y[train],
        x_val=x[validation],
        y_val=y[validation],
        x_test=arrays["x_test"],
        y_test=arrays["y_test"],
    )
    return {str(digit): int(np.sum(y[train] == digit)) for digit in range(10)}


if __name__ == "__main__":
    main()
