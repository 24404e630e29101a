"""From a reference to a space: a name, `file.py:name`, `package.module:name` or an installed entry point."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from spaces.contract import check_space
from spaces.errors import SpaceChanged, SpaceError, SpaceFileError, UnknownSpace
from spaces.fingerprint import Source, fingerprint
from spaces.loading import Target, load_file, load_module, source_of_file, source_of_module
from spaces.names import unknown_name
from spaces.paths import is_file
from spaces.space import Space

ENTRY_POINTS = "keras_image_search.spaces"
BUILT_IN = MappingProxyType(
    {
        name: f"spaces.named.{name}:space"
        for name in (
            "bn_dropout",
            "optimizer",
            "regularization",
            "activation",
            "width",
            "architecture",
            "dropout",
            "mnist_dense",
            "memorization",
            "cnn",
        )
    }
)

# Names in earlier studies and commands, by which a space is still found, and then called.
EARLIER_NAMES = MappingProxyType({"memorisation": "memorization"})


@dataclass(frozen=True)
class SpaceSource:
    """A space and where it is from.

    `ref` finds it again from any working directory (a file's path is absolute). `fingerprint` is the SHA-256 of the
    source that defines it.
    """

    ref: str
    space: Space
    fingerprint: str


def is_built_in(name: str) -> bool:
    """Whether it is a name of one of our spaces, also one that only earlier studies use."""
    return EARLIER_NAMES.get(name, name) in BUILT_IN


def space_names() -> list[str]:
    """The names of all spaces: those that are built in, and those that installed packages add, sorted."""
    return sorted({*BUILT_IN, *_installed()})


def load_space(ref: str) -> Space:
    """The space that a reference points to. See `resolve`, also for what it raises."""
    return resolve(ref).space


def resolve(ref: str, *, expected: str | None = None) -> SpaceSource:
    """The space that a reference points to, checked, and its source.

    Args:
        ref: a name of `space_names()`; `my_space.py:space`, where the name may be left out if the file has only one
            space; or `package.module:name`.
        expected: the fingerprint that its source must have. Where the reference isn't from who types the command, but
            from a database, nothing of another source is run.

    Raises:
        UnknownSpace: no space has that name; lists the names.
        SpaceChanged: its source isn't the expected one.
        SpaceFileError: the file or module doesn't import, lacks the name, or what it has there breaks the contract
            of `spaces.contract.check_space`.
    """
    if expected is not None:
        _require(ref, expected)
    target = _find(ref)
    space = target.value
    if not isinstance(space, Space):
        raise SpaceFileError(f"{target.ref} is {type(space).__name__} {space!r}, not a Space")
    try:
        check_space(space)
    except SpaceError as error:
        raise SpaceFileError(f"{target.ref} breaks the contract of a space: {error}") from error
    return SpaceSource(target.ref, space, fingerprint(target.source))


def _require(ref: str, expected: str) -> None:
    found = fingerprint(_locate(ref))
    if found != expected:
        raise SpaceChanged(
            f"the source of the space {ref}, or of a file that it imports, isn't that of the study here (fingerprint "
            f"{found[:12]}, in the study {expected[:12]}): nothing of it was run. Undo the change, or search the new "
            "source in a study of another --study-name"
        )


def _locate(ref: str) -> Source:
    """Where the reference's source is; nothing of it is run."""
    place, _, _ = ref.rpartition(":")
    if ref.endswith(".py") or place.endswith(".py"):
        return source_of_file(Path(ref if ref.endswith(".py") else place))
    return source_of_module(place or _known(ref).partition(":")[0])


def _find(ref: str) -> Target:
    place, colon, name = ref.rpartition(":")
    if ref.endswith(".py"):
        return load_file(Path(ref), None)
    if place.endswith(".py"):
        return load_file(Path(place), name or None)
    if place and name:
        return load_module(place, name)
    if colon:
        raise SpaceFileError(f"a reference is NAME, FILE.py:NAME or PACKAGE.MODULE:NAME, not {ref!r}")
    return _find_name(ref)


def _find_name(name: str) -> Target:
    module, _, member = _known(name).partition(":")
    target = load_module(module, member)
    value = target.value
    if name in EARLIER_NAMES and isinstance(value, Space):
        value = replace(value, name=name)
    return Target(name, value, target.source)


def _known(name: str) -> str:
    known = {**_installed(), **BUILT_IN}
    name = name if name in known else EARLIER_NAMES.get(name, name)
    if name not in known:
        file = f"{name}.py"
        own = f"That of the file {file} is --space {file}" if is_file(Path(file)) else "Your own is FILE.py:NAME"
        raise UnknownSpace(f"{unknown_name('space', name, sorted(known))} {own}")
    return known[name]


def _installed() -> dict[str, str]:
    # Importing it takes longer than all the rest of this package, and a file's space doesn't need it.
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}
