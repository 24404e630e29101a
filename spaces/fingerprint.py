"""The fingerprint of a space's source: hosts whose fingerprints are equal search the same space."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

OURS = __name__.partition(".")[0]
OUR_ROOT = Path(__file__).resolve().parent.parent

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

MOVED = MappingProxyType({f"{OURS}.named.bn_dropout": f"{OURS}.bn_dropout"})


@dataclass(frozen=True)
class Source:
    """Where a module is from: its file, dotted name, and the folder in which its top-level package, or the file, lies.

    `alone` is that of a file that isn't in a package: it may import any file beside it.
    """

    path: Path
    module: str
    root: Path
    alone: bool = False


def fingerprint(source: Source) -> str:
    """SHA-256, as hexadecimal digits, of a module's source and of what it imports from its neighbours and our axes.

    Neighbours are modules of the same package, or the files beside a file of no package. Libraries aren't followed:
    a study records their versions by themselves. Line endings and the names of folders above don't matter.
    """
    found: dict[str, Path] = {}
    waiting = [(source.module, source.path)]
    while waiting:
        name, path = waiting.pop()
        if name not in found:
            found[name] = path
            waiting.extend(_neighbours(source, name, path))
    digest = hashlib.sha256()
    for name, path in sorted((_known_as(name), path) for name, path in found.items()):
        text = b"\n".join(path.read_bytes().splitlines())
        digest.update(b"%s\n%d\n%s\n" % (name.encode(), len(text), text))
    return digest.hexdigest()


def _known_as(module: str) -> str:
    """By which name a module counts: the oldest studies know `bn_dropout` beside the axes, and its text is the same."""
    return MOVED.get(module, module)


def _neighbours(source: Source, module: str, path: Path) -> Iterator[tuple[str, Path]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # never imported so far, or the space hadn't loaded: its text counts all the same
        return
    for name in _imported(tree, module, is_package=path.name == "__init__.py"):
        neighbour = _file_of(source, name)
        if neighbour is not None:
            yield name, neighbour


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
