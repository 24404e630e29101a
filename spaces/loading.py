"""From a file or a module to the object in it that should be a space."""

import hashlib
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

from spaces.blame import describe
from spaces.errors import SpaceFileError
from spaces.fingerprint import Source
from spaces.names import unknown_name
from spaces.paths import at_home, is_file, is_folder
from spaces.space import Space

OUR_PACKAGES = ("search", "spaces", "storage")
RUN_AS = "_space_"  # begins the names of modules that are spaces' files


@dataclass(frozen=True)
class Target:
    """What a reference points to: the reference in full, the object, and the source of its module."""

    ref: str
    value: object
    source: Source


def load_file(path: Path, name: str | None) -> Target:
    """The object of that name in a Python file; without a name, the file's only space.

    Each call runs the file again. It may import files next to it: its folder is appended to `sys.path`, before those of
    other spaces, whose files of the same names are forgotten.

    Raises:
        SpaceFileError: there is no such file, it doesn't import, or doesn't have what was asked for.
    """
    source = source_of_file(path)
    module = _run(source.path)
    name = name or _only_space(module, source.path)
    return Target(f"{source.path}:{name}", _member(module, name, source.path), source)


def source_of_file(path: Path) -> Source:
    """Where the space in a Python file is from; the file isn't run.

    Raises:
        SpaceFileError: there is no such file.
    """
    path = at_home(path).absolute()
    if not is_file(path):
        kind = "is a folder, not a Python file" if is_folder(path) else "doesn't exist"
        raise SpaceFileError(f"{path} {kind}. Give the file that defines the space, as in my_space.py:space")
    return Source(path, path.stem, path.parent, alone=True)


def source_of_module(name: str) -> Source:
    """Where an importable module is from; neither it nor a package that it is in is run.

    Raises:
        SpaceFileError: there is no such module, or no Python source of it.
    """
    _look_in_current_folder()
    top, *rest = name.split(".")
    spec, known = find_spec(top), top
    for part in rest:
        places = None if spec is None else spec.submodule_search_locations
        known = f"{known}.{part}"
        spec = None if places is None else PathFinder.find_spec(known, places)
    if spec is None:
        raise SpaceFileError(
            f"there is no module {name!r}: install its package, or run from the folder that contains it"
        )
    return _source_at(name, spec.origin)


def _look_in_current_folder() -> None:
    """Modules of the current folder are found after all others."""
    if (current := str(Path.cwd())) not in sys.path:
        sys.path.append(current)


def load_module(module_name: str, name: str) -> Target:
    """The object of that name in an importable module. Those of the current folder are found, too, after all others:
    that folder is appended to `sys.path`.

    Raises:
        SpaceFileError: there is no such module, it doesn't import, or doesn't have the name.
    """
    _look_in_current_folder()
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
    """Runs the file without writing a compiled copy: one of the same second and size would hide an edit."""
    name = f"{RUN_AS}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    loader = SourceFileLoader(name, str(path))
    module = module_from_spec(ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and msgspec look up a class's module there
    _find_neighbors_in(path.parent)
    try:
        exec(loader.source_to_code(path.read_bytes(), str(path)), module.__dict__)  # noqa: S102 - what the user asked for
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise SpaceFileError(f"{path} doesn't import: {describe(error, path)}{_advice(error)}") from error
    return module


def _advice(error: BaseException) -> str:
    """What to write instead, in a file that expects to be part of a package."""
    relative = isinstance(error, ImportError) and "relative import" in str(error)
    return ". A space's file imports those next to it by their names: from layers import …" if relative else ""


def _find_neighbors_in(folder: Path) -> None:
    """Has modules of this folder be found before those of the same names next to other spaces' files, which a process
    that works on one study after the other may have imported.
    """
    files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith(RUN_AS)]
    others = {Path(file).parent for file in files if file is not None} - {folder}
    for name, module in list(sys.modules.items()) if others else ():
        top = name.partition(".")[0]
        has_own = is_file(folder / f"{top}.py") or is_folder(folder / top)
        if has_own and top not in OUR_PACKAGES and any(_is_of(module, top, other) for other in others):
            del sys.modules[name]
    found = [place for place in sys.path if place != str(folder)]
    first = next((number for number, place in enumerate(found) if Path(place) in others), len(found))
    if str(folder) not in sys.path[: first + 1]:
        sys.path[:] = [*found[:first], str(folder), *found[first:]]


def _is_of(module: ModuleType, top: str, folder: Path) -> bool:
    """Whether a module is a file next to a space's, or of a package there; `top` is its own or its package's name."""
    file = getattr(module, "__file__", None)
    places = list(getattr(module, "__path__", ())) if file is None else [file]
    own = (folder / top, folder / f"{top}.py")
    return any(Path(place).is_relative_to(one) for place in places for one in own)


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
    return _source_at(module.__name__, getattr(module, "__file__", None))


def _source_at(name: str, file: str | None) -> Source:
    if file is None or not file.endswith(".py"):
        raise SpaceFileError(f"{name} has no Python source, by which workers could tell that theirs is the same")
    path = Path(file).resolve()
    depth = name.count(".") + (path.name == "__init__.py")
    return Source(path, name, path.parents[depth])
