"""Whether the images are large enough for a space's configurations: checked before the first trial."""

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
    """A note on configurations for which images of that shape are too small, "" if none was found. Spaces that build
    their own models aren't checked.

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
