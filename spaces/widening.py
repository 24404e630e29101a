"""Parameters that any space can have besides its own, as a study adds them: batch size, image size, class weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from spaces.class_weight import CLASS_WEIGHT, ClassWeight
from spaces.configuration import Configuration, Scalar
from spaces.contract import configuration_of
from spaces.errors import SpaceError
from spaces.resizing import ImageSize, in_order, parse_size, written_size
from spaces.space import Space, Trial, choose
from spaces.trials import random_trial

BATCH_SIZE = "batch_size"
IMAGE_SIZE = "image_size"
DRAWN = 8  # configurations, to see whether a space decides by itself what a study is told to add


@dataclass(frozen=True)
class Widening:
    """The choices of each parameter that a study adds to its space; without choices it adds none."""

    batch_sizes: tuple[int, ...] = ()
    class_weights: tuple[ClassWeight, ...] = ()
    image_sizes: tuple[ImageSize, ...] = ()


def widened(space: Space, widening: Widening) -> Space:
    """The space with the added parameters. Its baselines have the space's own batch size if it is among the choices,
    else the first of them, the first class weight, and the largest images.

    Raises (when a trial is asked, too):
        SpaceError: the space decides one of them by itself.
    """
    if widening.class_weights:
        weights = widening.class_weights
        require_undecided(space, CLASS_WEIGHT, class_weight_given(weights))
        space = _with(space, CLASS_WEIGHT, weights, weights[0])
    if widening.batch_sizes:
        sizes = widening.batch_sizes
        require_undecided(space, BATCH_SIZE, batch_size_given(sizes))
        space = _with(space, BATCH_SIZE, sizes, space.batch_size if space.batch_size in sizes else sizes[0])
    if widening.image_sizes:
        require_undecided(space, IMAGE_SIZE, image_size_given(widening.image_sizes))
        texts = [written_size(size) for size in in_order(widening.image_sizes)]
        space = _with(space, IMAGE_SIZE, texts, texts[-1], parse_size)
    return space


def _with(
    space: Space,
    name: str,
    choices: Sequence[Scalar],
    usual: Scalar,
    value: Callable[[Any], Any] = lambda choice: choice,
) -> Space:
    """The space with a parameter that gives the configuration's field of that name its `value`; its baselines have the
    usual choice.
    """

    def suggest(trial: Trial) -> Configuration:
        configuration = space.suggest(trial)
        if (own := getattr(configuration, name)) is not None:
            article = "an" if name == IMAGE_SIZE else "a"
            raise SpaceError(f"the space says {article} {_words(name)} of {own}, and the study searches for one")
        return msgspec.structs.replace(configuration, **{name: value(choose(trial, name, choices))})

    baselines = tuple(replace(one, params={**one.params, name: usual}) for one in space.baselines)
    return replace(space, suggest=suggest, baselines=baselines)


def batch_size_given(sizes: Sequence[int]) -> str:
    """The flag that says these batch sizes."""
    return f"--batch-size {','.join(map(str, sizes))}"


def image_size_given(sizes: Sequence[ImageSize]) -> str:
    """The flag that says these sizes of images."""
    return f"--image-size {','.join(map(written_size, sizes))}"


def class_weight_given(weights: Sequence[ClassWeight]) -> str:
    """The flag that says these class weights."""
    return f"--class-weight {','.join(weights)}"


def require_undecided(space: Space, name: str, flag: str) -> None:
    """Checks that the space leaves the batch size, the image size or the class weight to the study, as far as some
    configurations show it.

    Raises:
        SpaceError: it doesn't; `flag` is what would have no effect then.
    """
    if _decides(space, name, range(DRAWN)):
        raise SpaceError(
            f"{flag}: the configurations of {space.name} have {_words(name)}s of their own, which this wouldn't change."
            f" Leave it out, or narrow a parameter of the space (--only {name}=…)"
        )


def _decides(space: Space, name: str, seeds: Sequence[int]) -> bool:
    for seed in seeds:
        try:
            if getattr(configuration_of(space, random_trial(seed)), name) is not None:
                return True
        except SpaceError:
            continue  # a combination that the space refuses
    return False


def _words(name: str) -> str:
    return name.replace("_", " ")
