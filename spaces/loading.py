"""From a file or a module to the object in it that should be a space."""

import hashlib
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from spaces.blame import describe
from spaces.errors import SpaceFileError
from spaces.fingerprint import Source
from spaces.names import unknown_name
from spaces.space import Space


@dataclass(frozen=True)
class Target:
    """What a reference points to: the reference in full, the object, and the source of its module."""

    ref: str
    value: object
    source: Source


def load_file(path: Path, name: str | None) -> Target:
    """The object of that name in a Python file; without a name, the file's only space.

    The file runs anew at each call. It may import the files beside it: its folder is appended to `sys.path`.

    Raises:
        SpaceFileError: there is no such file, it doesn't import, or doesn't have what was asked for.
    """
    path = path.expanduser().absolute()
    if not path.is_file():
        kind = "is a folder, not a Python file" if path.is_dir() else "doesn't exist"
        raise SpaceFileError(f"{path} {kind}. Give the file that defines the space, as in my_space.py:space")
    module = _run(path)
    name = name or _only_space(module, path)
    return Target(f"{path}:{name}", _member(module, name, path), Source(path, path.stem, path.parent, alone=True))


def load_module(module_name: str, name: str) -> Target:
    """The object of that name in an importable module. Those of the current folder are found, too, after all others:
    that folder is appended to `sys.path`.

    Raises:
        SpaceFileError: there is no such module, it doesn't import, or doesn't have the name.
    """
    if (current := str(Path.cwd())) not in sys.path:
        sys.path.append(current)
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise SpaceFileError(f"{module_name} doesn't import: {describe(error)}") from error
        raise SpaceFileError(
            f"there is no module {error.name!r}: install its package, or run from the folder that contains it"
        ) from error
    except (Exception, SystemExit) as error:
        raise SpaceFileError(f"{module_name} doesn't import: {describe(error)}") from error
    return Target(f"{module_name}:{name}", _member(module, name, module_name), _source(module))


def _run(path: Path) -> ModuleType:
    """Runs the file without writing a compiled copy beside it: one of the same second and size would hide an edit."""
    name = f"_space_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    loader = SourceFileLoader(name, str(path))
    module = module_from_spec(ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and msgspec look up a class's module there
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        exec(loader.source_to_code(path.read_bytes(), str(path)), module.__dict__)  # noqa: S102 - what the user asked for
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise SpaceFileError(f"{path} doesn't import: {describe(error, path)}") from error
    return module


def _spaces_in(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, Space)]


def _only_space(module: ModuleType, path: Path) -> str:
    names = _spaces_in(module)
    if len(names) == 1:
        return names[0]
    if not names:
        raise SpaceFileError(f"{path} defines no Space: it needs one, such as space = Space(name=..., suggest=...)")
    raise SpaceFileError(
        f"{path} defines several spaces: say which, as in {path.name}:{names[0]}. It has {', '.join(names)}"
    )


def _member(module: ModuleType, name: str, place: Path | str) -> object:
    if name in vars(module):
        return vars(module)[name]
    names = _spaces_in(module)
    if not names:
        raise SpaceFileError(f"{place} has no {name!r}, and no other Space either")
    raise SpaceFileError(f"{place}: {unknown_name('space', name, names)}")


def _source(module: ModuleType) -> Source:
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        raise SpaceFileError(
            f"{module.__name__} has no Python source, by which workers could tell that theirs is the same"
        )
    path = Path(file).resolve()
    depth = module.__name__.count(".") + (path.name == "__init__.py")
    return Source(path, module.__name__, path.parents[depth])
