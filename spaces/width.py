"""The axis of width: how many filters and units."""

from spaces.configuration import Block
from spaces.space import Trial, choose

WIDTHS = (8, 16, 32, 64)
DENSE = (64, 128, 256, 512)


def suggest_width(trial: Trial, blocks: int = 3, convolutions: int = 1, kernel: int = 3) -> tuple[Block, ...]:
    """Asks for `width`, the filters in the first block; each further block has twice as many as the one before.

    The published networks begin with 6 to 32 filters and double them from block to block, or nearly so.
    """
    width = choose(trial, "width", WIDTHS)
    return tuple(Block((width * 2**number,) * convolutions, kernel) for number in range(blocks))


def suggest_dense(trial: Trial) -> tuple[int, ...]:
    """Asks for `dense`, the units of the dense layer before the output: the published networks have 84 to 512."""
    return (choose(trial, "dense", DENSE),)
