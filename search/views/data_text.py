"""The images of a study in words: inventory, conversions, and skipped files."""

from collections.abc import Iterator, Sequence
from typing import assert_never

import msgspec

from search.datasets.inventory import NOTHING, Inventory, Named, Part, Size
from search.views.majority import PartName, majority_share, majority_words
from storage import Manifest

LABEL = " " * 11
MOST_CLASSES = 12
PARTS: tuple[PartName, ...] = ("training", "validation", "test")


def inventory_of(manifest: Manifest) -> Inventory:
    """The inventory of the study's images; empty in a study of an earlier release."""
    return msgspec.convert(manifest.inventory, Inventory) if manifest.inventory else NOTHING


def data_text(manifest: Manifest) -> str:
    """The summary of the images before training, "" if nothing is known."""
    return "".join(f"{LABEL}{line}\n" for line in _lines(manifest, inventory_of(manifest)))


def _lines(manifest: Manifest, inventory: Inventory) -> Iterator[str]:
    for part in PARTS:
        if counts := manifest.class_counts.get(part):
            yield f"{part}: {_classes(manifest.classes, counts)}{_origin(manifest, inventory, part)}"
    yield from map(_found, inventory.parts)
    if inventory.scaling:
        yield f"pixels {inventory.scaling}"
    if words := majority_words(manifest, "validation"):
        test = majority_share(manifest, "test")
        yield f"{words} on the validation images" + ("" if test is None else f", {test:.2%} on the test images")
    yield from map(_named, inventory.treated)
    if inventory.files is not None:
        left_out = sum(named.count for named in inventory.left_out)
        yield f"{inventory.files:,} files: {inventory.images:,} images, {left_out:,} left out"
    yield from (f"left out: {_named(named)}" for named in inventory.left_out)


def _classes(classes: Sequence[str], counts: Sequence[int]) -> str:
    """Each class with its count, or of many the rarest and the most frequent."""
    if len(classes) <= MOST_CLASSES:
        return ", ".join(f"{name} {count:,}" for name, count in zip(classes, counts, strict=True))
    pairs = sorted(zip(counts, classes, strict=True))
    (fewest, rarest), (most, frequent) = pairs[0], pairs[-1]
    return f"{len(classes)} classes of {fewest:,} ({rarest}) to {most:,} ({frequent}) images"


def _origin(manifest: Manifest, inventory: Inventory, part: str) -> str:
    """Where the images of a part are from, if they weren't a part of their own."""
    own = {found.name for found in inventory.parts}
    if part in own or not own:
        return ""
    if part == "validation":
        return f" ({_drawn(manifest)})"
    if manifest.validation.kind == "rest":
        return " (the training images beyond --limit-train)"
    return " (a fifth of each class, the same in every search)"


def _drawn(manifest: Manifest) -> str:
    """Where validation images are from that are a part of those for training."""
    share = f"{manifest.validation_fraction:.0%} of each class, drawn from the training images by"
    match manifest.validation.kind:
        case "fixed" | "rest":
            return f"{share} the seed"
        case "reshuffled":
            return f"{share} each trial for itself"
        case "folds":
            return f"each of {manifest.validation.folds} folds in turn; these are the last"
        case _:
            assert_never(manifest.validation.kind)


def _found(part: Part) -> str:
    """How the images of a part were when they were read."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in part.kinds.items())
    ranges = ", ".join(f"{found.type} from {found.lowest:g} to {found.highest:g}" for found in part.pixels)
    where = f"{part.source} ({part.name})" if part.source else "the folder"
    return f"found in {where}: {part.total:,} images {_sizes(part)}; {kinds}; {ranges}"


def _sizes(part: Part) -> str:
    sizes = part.sizes
    if sizes.smallest == sizes.largest:
        return f"of {_size(sizes.median)}"
    return f"of {_size(sizes.smallest)} to {_size(sizes.largest)}, median {_size(sizes.median)}"


def _size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _named(named: Named) -> str:
    """What holds for files, how many, and some of them."""
    more = ", …" if len(named.examples) < named.count else ""
    examples = f" ({', '.join(named.examples)}{more})" if named.examples else ""
    return f"{named.count:,} {named.what}{examples}"
