"""The description of a trained model, in files next to it: its layers, and its configuration."""

from pathlib import Path
from typing import Any

import msgspec

from spaces.configuration import Configuration

LAYERS = ".layers.txt"
CONFIGURATION = ".configuration.json"


def write_next_to(model_file: Path, model: Any, configuration: Configuration) -> None:
    """Writes both next to the model's file; raises OSError if that fails."""
    model_file.with_suffix(LAYERS).write_text(describe(model), encoding="utf-8")
    text = msgspec.json.format(msgspec.json.encode(configuration), indent=2)
    model_file.with_suffix(CONFIGURATION).write_bytes(text + b"\n")


def describe(model: Any) -> str:
    """The layers of a Keras model, a line each: name, class, shape of what comes out, number of parameters."""
    rows = [("layer", "class", "output", "parameters")]
    rows += [(layer.name, type(layer).__name__, output_shape(layer), f"{count(layer):,}") for layer in model.layers]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {parameters:>{widths[3]}}"
        for name, kind, shape, parameters in rows
    ]
    trained = sum(number_of(weight) for weight in model.trainable_weights)
    return "\n".join([*lines, "", f"{count(model):,} parameters, {trained:,} of them trained", ""])


def output_shape(layer: Any) -> str:
    """The shape that comes out, with a dash for the batch; "" for a layer that isn't a node of a graph."""
    shape = getattr(getattr(layer, "output", None), "shape", None)
    return "" if shape is None else " x ".join("-" if size is None else str(size) for size in shape)


def count(layer: Any) -> int:
    """The number of a layer's, or a model's, parameters."""
    return sum(number_of(weight) for weight in layer.weights)


def number_of(weight: Any) -> int:
    """How many numbers a weight holds."""
    total = 1
    for size in weight.shape:
        total *= int(size)
    return total
