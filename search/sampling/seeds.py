"""Seeds derived from seeds, so that one number decides a whole study."""

import numpy as np


def derive_seed(study_seed: int, *path: int) -> int:
    """A seed in [0, 2**31) for one purpose of a study, statistically independent of those of other paths.

    By NumPy's SeedSequence: https://numpy.org/doc/stable/reference/random/bit_generators/generated/numpy.random.SeedSequence.html
    """
    return int(np.random.SeedSequence([study_seed, *path]).generate_state(1)[0] & 0x7FFFFFFF)
