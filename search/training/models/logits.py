"""A check that a space's own model gives logits: seen from its output, however its layers are put together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.blame import describe
from spaces.errors import SpaceError
from spaces.space import ImageShape

DRAWS = 8
SPREAD = 2.0  # of drawn weights: logits then leave [0, 1] at once, and hundreds of layers don't overflow
TOLERANCE = 1e-2  # of a sum of probabilities in 16 bits
ADVICE = (
    "the loss takes logits, and applies the softmax by itself: leave it out, so that the last layer is a Dense of one "
    "unit for each class without an activation"
)

Images = NDArray[np.float32]


def require_logits(model: Any, space: str, image_shape: ImageShape, classes: int) -> None:
    """Runs the model on a few images: this also creates the variables of a model that is built by its first call.

    Raises:
        SpaceError: it fails on them, or gives something else than one logit for each class.
    """
    _require_float_inputs(model, space)
    images = probes(image_shape)
    try:
        output = model(images, training=False)
    except Exception as error:
        raise SpaceError(
            f"the model of the space {space!r} on images of shape {image_shape} raised {describe(error)}"
        ) from error
    _require_one_output(output, space)
    wanted = (len(images), classes)
    if tuple(output.shape) != wanted:
        raise SpaceError(
            f"the model of the space {space!r} gives {tuple(output.shape)} for {len(images)} images; "
            f"logits are {wanted}"
        )
    if (instead := probabilities(model, images, _as_array(output))) is not None:
        raise SpaceError(f"the model of the space {space!r} gives {instead}; {ADVICE}")


def probes(image_shape: ImageShape) -> Images:
    """A black image, a white one, and two of noise: (4, height, width, channels) in [0, 1]."""
    noise = np.random.default_rng(0).random((2, *image_shape), np.float32)
    return np.concatenate([np.zeros((1, *image_shape), np.float32), np.ones((1, *image_shape), np.float32), noise])


def probabilities(model: Any, images: Images, output: Images) -> str | None:
    """In words, what the model gives if it isn't logits: they leave [0, 1] for these or for other weights. The model
    keeps the weights that it has.
    """
    if not _within(output):
        return None
    outputs = [output, *_with_other_weights(model, images)]
    if not all(_within(output) for output in outputs):
        return None
    if all(np.allclose(output.sum(axis=1), 1, atol=TOLERANCE) for output in outputs):
        return "probabilities, which add up to 1, as after a softmax"
    if len(outputs) == 1:  # nothing was drawn, so that it may be chance
        return None
    return "values between 0 and 1 whatever its weights are, as after a sigmoid"


def _with_other_weights(model: Any, images: Images) -> list[Images]:
    """Its outputs for the images with weights that are drawn, where these are numbers; at most up to the first that
    leave [0, 1].
    """
    variables, weights = list(model.variables), list(model.trainable_variables)
    kept = [np.array(variable.numpy()) for variable in variables]
    random, outputs = np.random.default_rng(0), list[Images]()
    try:
        for _ in range(DRAWS if weights else 0):
            for weight in weights:
                weight.assign(_drawn(random, tuple(weight.shape)))
            output = _as_array(model(images, training=False))
            if np.isfinite(output).all():
                outputs.append(output)
            if not _within(output) and outputs:
                break
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
    return outputs


def _drawn(random: np.random.Generator, shape: tuple[int, ...]) -> Images:
    into_one = max(1, int(np.prod(shape[:-1]))) if len(shape) > 1 else 1
    drawn: Images = (random.standard_normal(shape) * SPREAD / np.sqrt(into_one)).astype(np.float32)
    return drawn


def _within(output: Images) -> bool:
    return bool(np.isfinite(output).all() and output.min() >= 0 and output.max() <= 1 + TOLERANCE)


def _require_float_inputs(model: Any, space: str) -> None:
    """Integers would make 0 of almost every pixel. A model that is built by its first call has no inputs yet."""
    kinds = [str(tensor.dtype) for tensor in getattr(model, "inputs", None) or ()]
    whole = [kind for kind in kinds if "float" not in kind]
    if whole:
        raise SpaceError(
            f"the model of the space {space!r} takes {whole[0]}, and pixels are float32 from 0 to 1, which would "
            "become 0: leave the dtype of keras.Input out, and what brings bytes to [0, 1]"
        )


def _require_one_output(output: Any, space: str) -> None:
    if isinstance(output, list | tuple | dict):
        names = f" ({', '.join(map(str, output))})" if isinstance(output, dict) else ""
        raise SpaceError(
            f"the model of the space {space!r} gives {len(output)} outputs{names} in a {type(output).__name__}: here a "
            "model has one, its logits, on which the loss is computed. Build it with that output alone"
        )
    if not hasattr(output, "shape"):
        raise SpaceError(f"the model of the space {space!r} gives {type(output).__name__}, and not a tensor of logits")


def _as_array(tensor: Any) -> NDArray[Any]:
    import keras

    array: NDArray[Any] = np.asarray(keras.ops.convert_to_numpy(tensor))
    return array
