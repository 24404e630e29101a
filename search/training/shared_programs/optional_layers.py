"""Shared layers of which a number says whether a configuration has them. Importing this module imports Keras."""

import keras

from search.training.backends.protocol import Backend, Tensor, Variable
from search.training.models.building import InputSpec
from search.training.shared_programs.program_key import ANY_RATE
from search.training.shared_programs.shared_layer import Shape, SharedLayer
from search.training.shared_programs.skeleton import Slot
from spaces.layers import Conv, Dense, Drop, Layer, Output


class Switch:
    """Whether something of a program is used, as a variable that the program reads each time it runs."""

    def __init__(self) -> None:
        self.variable: Variable = keras.Variable(0, trainable=False, dtype="int32")

    def set(self, on: bool) -> None:
        """What holds from now on."""
        self.variable.assign(int(on))

    @property
    def index(self) -> Tensor:
        """0 or 1; for use in a program."""
        return self.variable.value


class OptionalLayer(SharedLayer):
    """A layer whose outputs have the shape of its inputs, and which passes these on where a configuration lacks it. Its
    state then stays as it is, and its weights have gradients of 0.
    """

    def __init__(self, layer: Layer, shape: Shape, spec: InputSpec, backend: Backend) -> None:
        super().__init__(layer, shape, spec, backend)
        self._switch = Switch()

    def __call__(self, weights: list[Tensor], inputs: Tensor, *, training: bool) -> Tensor:
        """See SharedLayer."""

        def layer(inputs: Tensor) -> Tensor:
            return super(OptionalLayer, self).__call__(weights, inputs, training=training)

        return self.backend.optional(self._switch.index, layer, inputs, self.state if training else [])

    @property
    def settings(self) -> list[Variable]:
        """See SharedLayer."""
        return [*super().settings, self._switch.variable]

    def tune(self, layer: Layer | None) -> None:
        """See SharedLayer. None: the configuration lacks it; it then has a rate with which no number becomes infinite,
        as an accelerator computes it all the same.
        """
        self._switch.set(layer is not None)
        if layer is not None:
            super().tune(layer)
        elif isinstance(self.keras, keras.layers.Dropout):
            super().tune(Drop(ANY_RATE, "before_dense"))


class OptionallyPenalized(SharedLayer):
    """A layer with a kernel, whose penalty adds exactly 0 to loss and gradients where a configuration has none."""

    def __init__(self, layer: Layer, shape: Shape, spec: InputSpec, backend: Backend) -> None:
        super().__init__(layer, shape, spec, backend)
        self._switch = Switch()

    def penalties(self, weights: list[Tensor]) -> list[Tensor]:
        """See SharedLayer."""

        def none() -> Tensor:
            return keras.ops.zeros((), "float32")

        def penalty() -> Tensor:
            (of_layer,) = super(OptionallyPenalized, self).penalties(weights)
            return of_layer

        return [self.backend.one_of(self._switch.index, [none, penalty])]

    @property
    def settings(self) -> list[Variable]:
        """See SharedLayer."""
        return [*super().settings, self._switch.variable]

    def tune(self, layer: Layer | None) -> None:
        """See SharedLayer."""
        super().tune(layer)
        self._switch.set(isinstance(layer, Conv | Dense | Output) and (layer.l1 > 0 or layer.l2 > 0))


def layer_for(slot: Slot, shape: Shape, spec: InputSpec, backend: Backend) -> SharedLayer:
    """The shared layer of a slot, for outputs of this shape of the layer before it."""
    if not slot.optional:
        return SharedLayer(slot.layer, shape, spec, backend)
    kind = OptionallyPenalized if isinstance(slot.layer, Conv | Dense | Output) else OptionalLayer
    return kind(slot.layer, shape, spec, backend)
