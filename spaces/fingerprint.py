"""The fingerprint of a space's source: hosts whose fingerprints are equal search the same space."""

import ast
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

OURS = __name__.partition(".")[0]
OUR_ROOT = Path(__file__).resolve().parent.parent

# Python 3.11 can't parse in two threads at once: "AST constructor recursion depth mismatch".
PARSER = threading.Lock()

# These define no parameter: a release that adds a field to Configuration leaves the spaces of older studies the same.
FRAMEWORK = frozenset(
    f"{OURS}.{name}"
    for name in (
        "blame",
        "configuration",
        "contract",
        "diagram",
        "distributions",
        "drawings",
        "errors",
        "fingerprint",
        "grid",
        "layers",
        "loading",
        "names",
        "published",
        "questions",
        "record",
        "registry",
        "space",
        "testing",
        "trials",
    )
)

MOVED = MappingProxyType(
    {
        f"{OURS}.named.bn_dropout": f"{OURS}.bn_dropout",
        f"{OURS}.named.memorization": f"{OURS}.named.memorisation",
    }
)

# Our texts count in the spelling that the oldest studies know: another spelling of a word changes no space.
RESPELLED = MappingProxyType(
    {
        b"atch normalization": b"atch normalisation",
        b"emorization": b"emorisation",
        b"egularizers": b"egularisers",
    }
)


@dataclass(frozen=True)
class Source:
    """Where a module is from: its file, dotted name, and the folder in which its top-level package, or the file, lies.

    `alone` is that of a file that isn't in a package: it may import any file next to it.
    """

    path: Path
    module: str
    root: Path
    alone: bool = False


def fingerprint(source: Source) -> str:
    """SHA-256, as hexadecimal digits, of a module's source and of what it imports from its neighbors and our axes.

    Neighbors are modules of the same package, or the files next to a file of no package. Libraries aren't followed:
    a study records their versions by themselves. Line endings and the names of folders above don't matter.
    """
    digest = hashlib.sha256()
    for name, path in sorted((_known_as(name), path) for name, path in _modules(source).items()):
        text = b"\n".join(_as_first_spelled(name, path.read_bytes()).splitlines())
        digest.update(b"%s\n%d\n%s\n" % (name.encode(), len(text), text))
    return digest.hexdigest()


def own_files(source: Source) -> list[Path]:
    """The files whose text counts in the fingerprint and that aren't ours, relative to the source's root."""
    own = (path for name, path in _modules(source).items() if name.partition(".")[0] != OURS)
    return sorted(path.relative_to(source.root) for path in own)


def _modules(source: Source) -> dict[str, Path]:
    """The modules that count, by dotted name."""
    found: dict[str, Path] = {}
    waiting = [(source.module, source.path)]
    while waiting:
        name, path = waiting.pop()
        if name not in found:
            found[name] = path
            waiting.extend(_neighbors(source, name, path))
    return found


def _known_as(module: str) -> str:
    """The name by which a module counts: that in the oldest studies, if it was moved or renamed since."""
    return MOVED.get(module, module)


def _as_first_spelled(known_as: str, text: bytes) -> bytes:
    """The text of a module as the oldest studies know it: unchanged, unless it is one of ours."""
    if known_as.partition(".")[0] == OURS:
        for spelling, first in RESPELLED.items():
            text = text.replace(spelling, first)
    return text


def _neighbors(source: Source, module: str, path: Path) -> Iterator[tuple[str, Path]]:
    try:
        with PARSER:
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # never imported so far, or the space hadn't loaded: its text counts all the same
        return
    for name in _imported(tree, module, is_package=path.name == "__init__.py"):
        neighbor = _file_of(source, name)
        if neighbor is not None:
            yield name, neighbor


def _imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Dotted names that may be modules: of `from a import b`, both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".") if is_package else module.split(".")[:-1]
            above = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _file_of(source: Source, name: str) -> Path | None:
    top = name.partition(".")[0]
    if top == OURS:
        return None if name in FRAMEWORK or name == OURS else _existing(OUR_ROOT, name)
    if source.alone or top == source.module.partition(".")[0]:
        return _existing(source.root, name)
    return None


def _existing(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    candidates = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)
