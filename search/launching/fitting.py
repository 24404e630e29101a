"""Whether the images are large enough for what a space draws: found before the first trial, not in each of them."""

from collections import Counter

from search.errors import UsageError
from spaces import Space
from spaces.contract import configuration_of
from spaces.errors import ConfigurationError, SpaceError
from spaces.layers import require_fit
from spaces.space import ImageShape
from spaces.trials import random_trial

DRAWN = 60


def unfit_note(space: Space, image_shape: ImageShape) -> str:
    """What to say of configurations that images of that shape are too small for, "" if none was found. A space that
    builds its own models knows itself what they take.

    Raises:
        UsageError: no configuration fits.
    """
    if space.build is not None:
        return ""
    drawn, reasons = 0, Counter[str]()
    for seed in range(DRAWN):
        try:
            configuration = configuration_of(space, random_trial(seed))
        except SpaceError:
            continue  # a combination that the space refuses
        drawn += 1
        try:
            require_fit(configuration, image_shape)
        except ConfigurationError as error:
            reasons[str(error)] += 1
    if not reasons:
        return ""
    unfit, reason = reasons.total(), reasons.most_common(1)[0][0]
    if unfit == drawn:
        raise UsageError(f"none of {drawn} configurations that {space.name} drew at random can be trained: {reason}")
    return f"{unfit} of {drawn} configurations drawn at random can't be trained, and such trials will fail: {reason}"
