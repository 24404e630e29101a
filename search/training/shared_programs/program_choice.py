"""Which program trains a configuration: that of its own structure, or the skeleton that many structures share.

Where compiling takes long, as on JAX, a search of small models compiles longer than it trains. A skeleton
(`skeleton.py`) is compiled once for all structures, and its epochs take longer. With c seconds to compile a structure,
n structures in a search of m trials, and epochs that take r times as long, it is worth it where training takes less
than c * n / m / (r - 1) seconds.

On a processor c is 5 or more, and r is 1.04 to 1.10. In 50 trials n / m is 0.36 for the 18 structures of bn_dropout, in
fewer it is larger: that makes 18 seconds, in which the three convolutions of that space go through about 18 million
pixels. On a GPU c is 4; by measurements of a prototype a step takes 0.18 ms longer, and 1 ns more for each pixel in it:
that makes 8,000 steps of few pixels, or 1.4 billion pixels.

The choice depends on the job and the backend alone, so that a trial that is resumed elsewhere goes on in the program
that it began with: the two differ by rounding.
"""

from search.training.backends.protocol import Backend
from search.training.backends.settings import skeleton_wanted
from search.training.models.building import InputSpec
from search.training.shared_programs.skeleton import Slots, fits, own_slots, skeleton
from spaces.configuration import Configuration

LARGEST_ON_CPU = 2**24  # pixels that a training goes through in all its epochs
LARGEST_ON_ACCELERATOR = 2**30
STEPS_ON_ACCELERATOR = 2**13


def program_slots(
    configuration: Configuration, spec: InputSpec, batch_size: int, epochs: int, backend: Backend
) -> Slots:
    """The slots of the program that trains a configuration for this many epochs: its own too if a layer has no slot in
    its skeleton.
    """
    wanted, shared = skeleton_wanted(), skeleton(configuration)
    if wanted is None:
        wanted = shares_skeleton(spec, batch_size, epochs, backend)
    return shared if wanted and fits(shared, configuration) else own_slots(configuration)


def shares_skeleton(spec: InputSpec, batch_size: int, epochs: int, backend: Backend) -> bool:
    """Whether a training of this many epochs is so short that compiling its structure would take longer than what the
    skeleton costs.
    """
    if not backend.compiles_long:
        return False
    height, width, _ = spec.image_shape
    steps = epochs * spec.steps_per_epoch
    pixels = steps * batch_size * height * width
    if backend.accelerator() is None:
        return pixels <= LARGEST_ON_CPU
    return steps <= STEPS_ON_ACCELERATOR and pixels <= LARGEST_ON_ACCELERATOR
