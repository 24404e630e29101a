"""Whether the images suit a space's configurations, in their sizes: checked before the first trial."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from search.errors import UsageError
from search.study.image_size import image_shape
from spaces import Space
from spaces.configuration import Configuration
from spaces.contract import configuration_of
from spaces.errors import ConfigurationError, SpaceError
from spaces.layers import require_fit
from spaces.space import ImageShape
from spaces.trials import random_trial
from storage import Manifest

DRAWN = 60


def unfit_note(space: Space, manifest: Manifest, found: Sequence[Configuration]) -> str:
    """A note on those of the configurations, drawn at random, for which the study's images are too small; "" if they
    are large enough for all. Spaces that build their own models aren't checked for that.

    Raises:
        UsageError: no configuration fits, or none of those with images of one of several sizes; or they have sizes that
            the data set's images can't be brought to.
    """
    require_resizable(space.name, manifest, found)
    if space.build is not None:
        return ""
    drawn, unfit = Counter[ImageShape](), dict[ImageShape, list[str]]()
    for configuration in found:
        shape = image_shape(manifest, configuration)
        drawn[shape] += 1
        reason = unfit_reason(configuration, shape)
        if reason is not None:
            unfit.setdefault(shape, []).append(reason)
    for shape, reasons in unfit.items():
        if len(reasons) == drawn[shape]:
            raise UsageError(
                f"none of {drawn[shape]} configurations{_of_size(shape, drawn)} that {space.name} drew at random can "
                f"be trained: {_most_common(reasons)}"
            )
    every = [reason for reasons in unfit.values() for reason in reasons]
    if not every:
        return ""
    return (
        f"{len(every)} of {len(found)} configurations drawn at random can't be trained, and such trials will fail: "
        f"{_most_common(every)}"
    )


def unfit_reason(configuration: Configuration, shape: ImageShape) -> str | None:
    """Why images of that shape are too small for a configuration, None if they aren't."""
    try:
        require_fit(configuration, shape)
    except ConfigurationError as error:
        return str(error)
    return None


def drawn_at_random(space: Space, draws: int = DRAWN) -> Iterator[Configuration]:
    """Configurations of a space, without the combinations that it refuses."""
    for seed in range(draws):
        try:
            yield configuration_of(space, random_trial(seed))
        except SpaceError:
            continue


def require_resizable(name: str, manifest: Manifest, found: Sequence[Configuration]) -> None:
    """Raises UsageError if configurations, of a space or an arm of that name, have sizes for images that are used as
    they are.
    """
    own = next((one.image_size for one in found if one.image_size is not None), None)
    if own is not None and not Path(manifest.dataset).is_dir():
        raise UsageError(
            f"{name} decides the size of images, such as {own[0]}x{own[1]}, and {manifest.dataset} has arrays, which "
            "are used as they are: give a folder of image files"
        )


def _of_size(shape: ImageShape, drawn: Counter[ImageShape]) -> str:
    return f" with images of {shape[0]}x{shape[1]}" if len(drawn) > 1 else ""


def _most_common(reasons: list[str]) -> str:
    return Counter(reasons).most_common(1)[0][0]
