"""What two manifests disagree about, in the words in which people ask for it: a flag, and its value as it is typed."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from spaces.resizing import written_size
from storage.manifest import IDENTITY, Manifest

FLAGS = {
    "batch_sizes": "--batch-size",
    "class_weights": "--class-weight",
    "fixed": "--fix",
    "image_sizes": "--image-size",
    "limits": "--limit",
    "ranges": "--range",
    "resizing": "--image-size, --resize",
    "validation_fraction": "--validation-share",
}
EDITED = (
    "its trials are those of the old source: undo the change, or search the new one in a study of another --study-name "
    "(and raise the space's version if names, ranges or meanings of parameters changed)"
)
REPLACED = "scores on others can't be compared: bring the old ones back, or begin a study of another --study-name"


class Difference(msgspec.Struct, frozen=True):
    """A field in which the stored study and the one asked for disagree, and how people are told."""

    field: str
    words: str

    def __str__(self) -> str:
        return self.words


def differences(stored: Manifest, asked: Manifest) -> list[Difference]:
    """Where the identity of the stored manifest isn't that of the one asked for. What is asked for by one flag is one
    difference.
    """
    ours, theirs = stored.identity(), asked.identity()
    found = dict[str, Difference]()
    for field in (field for field in IDENTITY if ours[field] != theirs[field]):
        words = _words(field, stored, asked)
        found.setdefault(words, Difference(field, words))
    return [*_without_consequences(found.values()), *_in_designs(_facets(stored), _facets(asked))]


def flag_of(field: str) -> str:
    """The flag by which a field of the manifest is asked for."""
    return FLAGS.get(field, f"--{field.replace('_', '-')}")


def as_typed(field: str, manifest: Manifest) -> str:
    """The value of a field as people give it."""
    match field:
        case "batch_size" | "batch_sizes":
            return _listed(manifest.batch_sizes or (manifest.batch_size,))
        case "class_weight" | "class_weights":
            return _listed(manifest.class_weights or (manifest.class_weight,))
        case "image_sizes":
            return _listed(map(written_size, manifest.image_sizes)) or str(manifest.resizing)
        case "limit_train":
            return "all" if manifest.limit_train is None else str(manifest.limit_train)
        case "fixed" | "only" | "ranges" | "limits":
            assigned = getattr(manifest, field).items()
            return " ".join(f"{name}={_narrowed(field, value)}" for name, value in assigned) or "none"
        case _:
            value = getattr(manifest, field)
            return (_listed(value) or "none") if isinstance(value, tuple) else str(value)


def _narrowed(field: str, value: Any) -> str:
    match field:
        case "only":
            return _listed(value)
        case "ranges":
            return ":".join(f"{bound:g}" for bound in value)
        case "limits":
            return f"{value:.12g}"
        case _:
            return str(value)


def _words(field: str, stored: Manifest, asked: Manifest) -> str:
    if field == "space_fingerprint":
        return f"the source of the space {stored.space}, or of a file that it imports, {_changed(EDITED)}"
    if field == "dataset_fingerprint":
        return f"the images of {stored.dataset}, {_changed(REPLACED)}"
    name = f"the version of the space {stored.space}" if field == "space_version" else flag_of(field)
    return _differ(name, as_typed(field, stored), as_typed(field, asked))


def _changed(advice: str) -> str:
    return f"changed since the study was made; {advice}"


def _differ(name: str, stored: str, asked: str) -> str:
    return f"{name}: the study has {stored}, asked for was {asked}"


def _without_consequences(found: Collection[Difference]) -> list[Difference]:
    """Without what follows from another difference: another space has another source, images of another size are
    others.
    """
    fields = {difference.field for difference in found}
    follows = {"space_fingerprint": {"space"}, "dataset_fingerprint": {"dataset", "resizing"}}
    return [difference for difference in found if not follows.get(difference.field, set()) & fields]


def _facets(manifest: Manifest) -> dict[str, Any]:
    return {} if manifest.comparison is None else manifest.comparison.facets()


def _in_designs(stored: dict[str, Any], asked: dict[str, Any]) -> list[Difference]:
    names = dict.fromkeys((*stored, *asked))
    pairs = {name: (stored.get(name), asked.get(name)) for name in names}
    return [Difference(name, _differ(name, *map(repr, pair))) for name, pair in pairs.items() if pair[0] != pair[1]]


def _listed(values: Iterable[Any]) -> str:
    return ",".join(map(str, values))
