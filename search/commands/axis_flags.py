"""The flags that say how large a step's batch and its images are, and which images validate."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click
from click.shell_completion import CompletionItem

from search.commands.numbers import WholeNumbers
from spaces.class_weight import CLASS_WEIGHTS, ClassWeight
from spaces.errors import ConfigurationError
from spaces.names import unknown_name
from spaces.resizing import LARGEST_SIDE, ImageSize, Resize, in_order, parse_size
from spaces.validation import Validation, parse_validation

F = TypeVar("F", bound=Callable[..., Any])

LARGEST_BATCH = 65_536


class ImageSizesFlag(click.ParamType[tuple[ImageSize, ...]]):
    """Sizes of images in pixels, one or several different ones, separated by commas: each 96, for 96x96, or
    HEIGHTxWIDTH.
    """

    name = "size,size,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[ImageSize, ...]:
        """Each (height, width), the smallest first; see click.ParamType.convert."""
        if isinstance(value, tuple):  # click converts what is converted already, such as a default
            return value
        sizes = [self._size(part, param, ctx) for part in str(value).split(",")]
        if len(set(sizes)) < len(sizes):
            self.fail(f"{value!r} has a size twice.", param, ctx)
        return in_order(sizes)

    def _size(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> ImageSize:
        size = parse_size(text)
        if size is None:
            self.fail(
                f"{text.strip()!r} isn't a size of images: give one number from 1 to {LARGEST_SIDE:,}, as 96, or "
                "height and width, as 96x128.",
                param,
                ctx,
            )
        return size


def image_size_flags(command: F) -> F:
    """Adds --image-size, none if it isn't given, and --resize, None if it isn't."""
    size = click.option(
        "--image-size",
        type=ImageSizesFlag(),
        default=(),
        help="Size of the images of a folder in pixels: 96, or HEIGHTxWIDTH; several, as in 64,96, are a parameter "
        "that is searched or compared.  [default: their median, up to 224]",
    )
    resize = click.option(
        "--resize",
        type=click.Choice(get_args(Resize)),
        help="How images come to that size: cropped, padded with black, or stretched.  [default: crop with "
        "--image-size, else stretch]",
    )
    return size(resize(command))


class ClassWeightsFlag(click.ParamType[tuple[ClassWeight, ...]]):
    """Schemes of class weights, one or several different ones, separated by commas: none,balanced."""

    name = "scheme,scheme,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[ClassWeight, ...]:
        """The schemes, in the order of `CLASS_WEIGHTS`; see click.ParamType.convert."""
        if isinstance(value, tuple):  # click converts what is converted already, such as a default
            return value
        names = [part.strip() for part in str(value).split(",")]
        for name in names:
            if name not in CLASS_WEIGHTS:
                self.fail(f"{unknown_name('class weight', name, CLASS_WEIGHTS)}.", param, ctx)
        if len(set(names)) < len(names):
            self.fail(f"{value!r} has a class weight twice.", param, ctx)
        return tuple(scheme for scheme in CLASS_WEIGHTS if scheme in names)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002  click has them
        """The schemes that go on with what is typed after the last comma."""
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{name}") for name in CLASS_WEIGHTS if name.startswith(last)]


def class_weight_flag(command: F) -> F:
    """Adds --class-weight, none if it isn't given."""
    return click.option(
        "--class-weight",
        type=ClassWeightsFlag(),
        default=(),
        help=f"How much images count in the training loss, by the size of their class: {', '.join(CLASS_WEIGHTS)}; "
        "several, as in none,balanced, are a parameter that is searched or compared.  [default: none]",
    )(command)


class ValidationFlag(click.ParamType[Validation]):
    """A kind of validation, as `spaces.validation` writes it."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Validation:
        """The validation; see click.ParamType.convert."""
        if isinstance(value, Validation):
            return value
        try:
            return parse_validation(str(value))
        except ConfigurationError as error:
            self.fail(f"{error}.", param, ctx)


def validation_flag(command: F) -> F:
    """Adds --validation, None if it isn't given."""
    return click.option(
        "--validation",
        type=ValidationFlag(),
        help="fixed: all trials have the same validation images. reshuffled: each draws its own. folds:5: each trains "
        "five models, validated on a fifth each. rest: with --limit-train, the final score is that of all unused "
        "training images.  [default: fixed]",
    )(command)


def batch_size_flag(default: str = "") -> Callable[[F], F]:
    """Adds --batch-size, none if it isn't given; `default` says what holds then."""
    return click.option(
        "--batch-size",
        type=WholeNumbers(1, LARGEST_BATCH),
        default=(),
        help=f"Images per step; several, as in 32,64,128, are a parameter that is searched or compared.{default}",
    )
