"""The layers of a program as slots, which configurations fill: one structure's own, or those of many structures.

    configuration -> slots (the program's key);   slots, another configuration -> which of its layers is in which slot

Own slots are a configuration's layers. A skeleton has more: layers that a configuration may lack have their slot
wherever `layer_order` may put them, and a slot that isn't filled passes on its input. Batch normalization has many
operations and activations have few: so where it may be before or after one, it has one slot, and the activation two.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from search.training.shared_programs.program_key import ANY_RATE, program_layers, without_numbers
from spaces.configuration import Configuration
from spaces.layers import Activate, Conv, Dense, Drop, Flatten, Layer, MaxPool, Normalize, Output, layer_order


@dataclass(frozen=True)
class Slot:
    """A layer of a program, without what configurations of the program may differ in.

    `optional`: configurations may lack it. Of a layer with a kernel, which none lacks, its penalty is optional.
    """

    layer: Layer
    optional: bool = False


Slots = tuple[Slot, ...]

DROP = Slot(Drop(ANY_RATE, "before_dense"), optional=True)
NORMALIZE = Slot(Normalize(), optional=True)


def own_slots(configuration: Configuration) -> Slots:
    """The slots of a configuration's own structure; others that have it fill all of them."""
    return tuple(Slot(layer) for layer in program_layers(configuration))


def skeleton(configuration: Configuration) -> Slots:
    """The slots of all configurations that differ from this one in where batch normalization and dropout are, if
    anywhere, and in whether kernels are penalized. Batch normalization after pooling has a skeleton of its own.
    """
    layers = [layer for layer in layer_order(configuration) if not isinstance(layer, Normalize | Drop)]
    activation = next((layer for layer in layers if isinstance(layer, Activate) and layer.spatial), None)
    after_pooling = configuration.batch_norm.position == "after_pooling"
    return tuple(slot for layer in layers for slot in _slots_from(layer, activation, after_pooling=after_pooling))


def fill(slots: Slots, configuration: Configuration) -> list[Layer | None]:
    """The configuration's layer in each slot, None where it has none.

    In a skeleton a layer takes the first slot after that of the layer before. Dropout of rate 0 does nothing, not even
    draw random numbers, and needs no slot there.

    Raises:
        ValueError: the slots aren't those of the configuration's own structure, nor its skeleton.
    """
    layers = layer_order(configuration)
    if slots == own_slots(configuration):
        return list(layers)
    filled = _filled(slots, [layer for layer in layers if not (isinstance(layer, Drop) and layer.rate == 0)])
    if filled is None:
        raise ValueError(f"the layers {', '.join(map(str, layers))} don't fit into the slots of this program")
    return filled


def fits(slots: Slots, configuration: Configuration) -> bool:
    """Whether `fill` finds a slot for each layer."""
    try:
        fill(slots, configuration)
    except ValueError:
        return False
    return True


def _filled(slots: Slots, layers: Sequence[Layer]) -> list[Layer | None] | None:
    """The layers in the slots, None if one has no slot, or a slot that isn't optional has no layer."""
    remaining, filled = list(layers), list[Layer | None]()
    for slot in slots:
        fits = bool(remaining) and without_numbers(remaining[0], zero_too=True) == slot.layer
        if not fits and _must_be_filled(slot):
            return None
        filled.append(remaining.pop(0) if fits else None)
    return None if remaining else filled


def _must_be_filled(slot: Slot) -> bool:
    return not slot.optional or isinstance(slot.layer, Conv | Dense | Output)


def _slots_from(layer: Layer, activation: Activate | None, *, after_pooling: bool) -> Iterator[Slot]:
    """The slot of a layer that no configuration lacks, and the optional ones between it and the next of these. The
    activation is that of convolutions.
    """
    match layer:
        case Conv():
            yield _slot_of(layer)
            activate = () if activation is None else (Slot(activation, optional=True),)
            yield from (DROP, *activate, DROP, NORMALIZE, DROP, *activate)
        case Activate(spatial=True):
            pass  # its slots are the convolution's
        case MaxPool():
            yield _slot_of(layer)
            yield from (DROP, DROP, NORMALIZE, DROP) if after_pooling else (DROP,)
        case Flatten() | Activate():
            yield _slot_of(layer)
            yield DROP
        case Dense() | Output():
            yield _slot_of(layer)
        case Drop() | Normalize():
            raise AssertionError("these are optional everywhere")
        case _:
            assert_never(layer)


def _slot_of(layer: Layer) -> Slot:
    return Slot(without_numbers(layer, zero_too=True), optional=isinstance(layer, Conv | Dense | Output))
