"""The axis of architecture: how many blocks of how many convolutions, and how wide."""

from spaces.configuration import Block
from spaces.space import Trial, choose
from spaces.width import suggest_width

KERNELS = (3, 5)


def suggest_blocks(trial: Trial) -> tuple[Block, ...]:
    """Asks for `blocks` and `convolutions` in each, 1 to 3, the `kernel` of them all, and `width` (see suggest_width).

    Convolutions keep the size of the images and each block halves it, so that three blocks suit images of 8x8 pixels.
    """
    blocks = trial.suggest_int("blocks", 1, 3)
    convolutions = trial.suggest_int("convolutions", 1, 3)
    return suggest_width(trial, blocks, convolutions, choose(trial, "kernel", KERNELS))
