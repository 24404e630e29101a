"""Preprocessing of pixels: a map that is fitted on training images, and applied to all.

It is linear, so that a model that is kept can have it as layers of its own in front, and takes scaled images as any.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]

EPSILON = 1e-6  # added to each variance of pixels in [0, 1], as Keras' ImageDataGenerator did
WIDER = 1.5
AT_ONCE = 4096  # images


class PixelMap(Protocol):
    """A fitted map from scaled images, float32 (n, height, width, channels), to those that a model gets."""

    def apply(self, images: Images) -> Images:
        """The images as the model gets them."""

    def layers(self) -> list[Any]:
        """The same as layers of Keras, in float32 whatever the model behind them computes in."""


@dataclass(frozen=True, eq=False)
class Standardization:
    """Subtracts `mean` and divides by `deviation`, both float32 (channels,)."""

    mean: Images
    deviation: Images

    def apply(self, images: Images) -> Images:
        """See PixelMap."""
        return ((images - self.mean) / self.deviation).astype(np.float32)

    def layers(self) -> list[Any]:
        """See PixelMap."""
        import keras

        variance = np.square(self.deviation).tolist()
        return [keras.layers.Normalization(mean=self.mean.tolist(), variance=variance, dtype="float32")]


@dataclass(frozen=True, eq=False)
class Whitening:
    """Multiplies what is left of an image after subtracting `mean`, float32 (d,), with a symmetric `matrix` (d, d);
    `shape` is that of an image, and d the number of its pixels and channels.
    """

    mean: Images
    matrix: Images
    shape: tuple[int, ...]

    def apply(self, images: Images) -> Images:
        """See PixelMap."""
        whitened = np.empty_like(images)
        for first in range(0, len(images), AT_ONCE):
            part = images[first : first + AT_ONCE].reshape(-1, len(self.mean))
            whitened[first : first + AT_ONCE] = ((part - self.mean) @ self.matrix).reshape(-1, *self.shape)
        return whitened

    def layers(self) -> list[Any]:
        """See PixelMap."""
        import keras

        multiply = keras.layers.Dense(len(self.mean), trainable=False, dtype="float32")
        multiply.build((None, len(self.mean)))
        multiply.set_weights([self.matrix, -self.mean @ self.matrix])
        return [keras.layers.Flatten(dtype="float32"), multiply, keras.layers.Reshape(self.shape, dtype="float32")]


def fit_pixels(pixels: Literal["standardised", "zca"], training: Images) -> PixelMap:
    """The map for scaled training images."""
    match pixels:
        case "standardised":
            return _standardization(training)
        case "zca":
            return _whitening(training)
        case _:
            assert_never(pixels)


def spread_warning(training: Images, validation: Images) -> str:
    """The warning if a map that was fitted on few training images spreads others much more widely; "" if it doesn't."""
    inside, outside = (float(images.std(dtype=np.float64)) for images in (training, validation))
    if outside <= WIDER * inside:
        return ""
    pixels = training[0].size
    return (
        f"whitened (ZCA, epsilon {EPSILON:g}) by {len(training)} training images of {pixels} values, validation images "
        f"spread {outside / inside:.1f} times as widely as training images do ({outside:.2f} against {inside:.2f}): "
        "scores are those of images that look unlike what was trained on. Whiten by more images"
    )


def _standardization(training: Images) -> Standardization:
    axes = (0, 1, 2)
    mean, variance = training.mean(axes, dtype=np.float64), training.var(axes, dtype=np.float64)
    return Standardization(mean.astype(np.float32), np.sqrt(variance + EPSILON).astype(np.float32))


def _whitening(training: Images) -> Whitening:
    """ZCA: of all maps that make the covariance the identity, the one that changes images least (Bell and Sejnowski
    1997, "The 'independent components' of natural scenes are edge filters"; Krizhevsky 2009).

    All of it is computed in double precision: single precision loses the directions of little variance, and is off by
    a hundredth in what it keeps. Directions in which the training images don't vary at all become 0: there's nothing
    to learn of them, and dividing by next to nothing would make large numbers of other images' noise.
    """
    flat = training.reshape(len(training), -1).astype(np.float64)
    mean = flat.mean(0)
    variances, directions = _principal(flat - mean)
    kept = variances > max(flat.shape) * np.finfo(np.float64).eps * variances.max()
    scaled = directions[:, kept] / np.sqrt(variances[kept] + EPSILON)
    matrix = (scaled @ directions[:, kept].T).astype(np.float32)
    return Whitening(mean.astype(np.float32), matrix, training.shape[1:])


def _principal(centered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The variances of centered images (n, d) in their principal directions, and these as columns.

    With fewer images than pixels it takes the images' products with each other, of which there are fewer.
    """
    n, d = centered.shape
    if n >= d:
        variances, directions = np.linalg.eigh(centered.T @ centered / n)
        return variances, directions
    variances, mixtures = np.linalg.eigh(centered @ centered.T / n)
    lengths = np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny) * n)
    return variances, centered.T @ (mixtures / lengths)
