"""How a folder is laid out: which folders are parts, which are classes, and which files don't belong to any.

A part is recognized by its name, in any case. What could be read in two ways is refused, with what to do about it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.console.outside_text import is_one_line, is_text
from search.datasets.errors import FolderError
from search.datasets.inventory import Tally
from search.datasets.part_names import role_of

HIDDEN = "."
SYSTEM = frozenset({"@eadir", "__macosx", "$recycle.bin", "#recycle", "lost+found", "system volume information"})
IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "gif", "webp", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "pnm", "avif", "heic", "heif", "jp2"),
    )
)


@dataclass(frozen=True)
class Tree:
    """The visible folders and files under a folder, each by the folder in which it is."""

    folder: Path
    folders: Mapping[Path, Sequence[Path]]
    files: Mapping[Path, Sequence[Path]]
    left_out: Tally = field(repr=False)

    def inside(self, folder: Path) -> Sequence[Path]:
        """The folders directly in one of them, in the order of their names."""
        return self.folders[folder]

    def under(self, folder: Path) -> list[Path]:
        """The files anywhere under one of them, in the order of their names."""
        files, waiting = list[Path](), [folder]
        while waiting:
            place = waiting.pop()
            files.extend(self.files[place])
            waiting.extend(self.folders[place])
        return sorted(files)

    def images_under(self, folder: Path) -> int:
        """How many of these have the name of an image."""
        return sum(path.suffix.lower() in IMAGE_SUFFIXES for path in self.under(folder))

    def name_of(self, path: Path) -> str:
        """How messages call a file or folder."""
        return path.relative_to(self.folder).as_posix()


@dataclass(frozen=True)
class FoundFile:
    """A file in the folder of a class."""

    path: Path
    label: str


@dataclass(frozen=True)
class FoundPart:
    """A part: training, validation or test, the folder whose sub-folders are its classes, and their files."""

    role: str
    folder: Path
    files: Sequence[FoundFile]


def read_tree(folder: Path) -> Tree:
    """Everything under the folder. What is hidden, or no file, is left out, and counted.

    Raises:
        FolderError: a folder in it can't be read.
    """
    tree, seen = Tree(folder, folders := {}, files := {}, Tally()), {os.path.realpath(folder)}
    for place, names, file_names in os.walk(folder, onerror=_refuse, followlinks=True):
        here = Path(place)
        names[:] = [name for name in sorted(names) if _is_read(here / name, tree, seen)]
        folders[here] = [here / name for name in names]
        reasons = {here / name: _no_file(here / name) for name in sorted(file_names)}
        files[here] = [path for path, reason in reasons.items() if reason is None]
        for path, reason in reasons.items():
            if reason is not None:
                tree.left_out.add(reason, tree.name_of(path))
    return tree


def _is_read(path: Path, tree: Tree, seen: set[str]) -> bool:
    """Whether a folder is to be read. Links are followed, but no folder is read twice."""
    real = os.path.realpath(path)
    if _hidden(path.name):
        for place, _, names in os.walk(path):
            for name in sorted(names):
                tree.left_out.add(f"in hidden folders ({path.name})", tree.name_of(Path(place, name)))
        return False
    if real in seen:
        tree.left_out.add("folder that is read in another place already", tree.name_of(path))
        return False
    seen.add(real)
    return True


def find_parts(tree: Tree) -> list[FoundPart]:
    """The parts, training first. Files that belong to none are left out of them, and counted in the tree.

    Raises:
        FolderError: the folder can be read in two ways, or in none.
    """
    roots = _roots(tree)
    parts = [FoundPart(role, root, list(_labeled(tree, root))) for role, root in roots.items()]
    taken = {found.path for part in parts for found in part.files}
    for path in tree.under(tree.folder):
        if path not in taken:
            tree.left_out.add("outside of the folders of classes", tree.name_of(path))
    return parts


def _roots(tree: Tree) -> dict[str, Path]:
    """The folder of each part; that of training alone is the whole folder if it has no parts."""
    tops = tree.inside(tree.folder)
    named = [top for top in tops if role_of(top.name)]
    parts = [top for top in named if tree.inside(top)]
    if not parts:
        _require_no_loose_parts(tree, named, tops)
        _require_no_wrapper(tree, tops)
        return {"training": tree.folder}
    roots: dict[str, Path] = {}
    for top in parts:
        role = str(role_of(top.name))
        if role in roots:
            raise FolderError(
                f"{tree.folder} has two folders for {role}, {roots[role].name} and {top.name}: put their images "
                "together, or move one of them away."
            )
        roots[role] = _innermost(tree, top)
    _require_nothing_else(tree, roots, [top for top in tops if top not in parts])
    return {role: roots[role] for role in ("training", "validation", "test") if role in roots}


def _require_no_loose_parts(tree: Tree, named: Sequence[Path], tops: Sequence[Path]) -> None:
    """A single folder called train among others is a class, of trains; anything else is a part without classes."""
    if not named or (len(named) == 1 < len(tops) and role_of(named[0].name) == "training"):
        return
    names = " and ".join(top.name for top in named)
    raise FolderError(
        f"{tree.folder} has the folder(s) {names}, named as parts of a data set, without a sub-folder for each class: "
        f"make them, such as {named[0]}/cats/1.png. If {names} should be a class, give it another name."
    )


def _require_no_wrapper(tree: Tree, tops: Sequence[Path]) -> None:
    inside = tree.inside(tops[0]) if len(tops) == 1 else ()
    if len(inside) > 1 or any(role_of(inner.name) and tree.inside(inner) for inner in inside):
        raise FolderError(
            f"{tree.folder} has one folder only, {tops[0].name}, in which there are others: if those are the classes "
            f"or the parts, give {tops[0]}."
        )


def _innermost(tree: Tree, top: Path) -> Path:
    """Archives are often unpacked into a folder of their name: train/train/cats."""
    inside = tree.inside(top)
    while len(inside) == 1 and inside[0].name == top.name and tree.inside(inside[0]):
        top, inside = inside[0], tree.inside(inside[0])
    return top


def _require_nothing_else(tree: Tree, roots: dict[str, Path], others: Sequence[Path]) -> None:
    """Raises FolderError if there are parts but not that for training, or images next to the parts."""
    shown = ", ".join(tree.name_of(root) for root in roots.values())
    if "training" not in roots:
        raise FolderError(f"{tree.folder} has {shown}, but no folder for training: name it train.")
    for top in others:
        if images := tree.images_under(top):
            raise FolderError(
                f"{tree.folder} has parts ({shown}), and next to them {top.name} with {images} image(s), which isn't a "
                f"part with a sub-folder for each class: sort its images into such, as {shown.split(', ')[0]} has "
                "them, or move it away."
            )


def _labeled(tree: Tree, root: Path) -> Iterator[FoundFile]:
    """The files of each class, in the order of the names, so that the fingerprint is the same on every machine."""
    for folder in tree.inside(root):
        _require_readable_name(folder)
        parts = [inner.name for inner in tree.inside(folder) if role_of(inner.name)]
        if parts:
            raise FolderError(
                f"{folder} looks like a class and has the sub-folder(s) {', '.join(parts)}, named as parts: put parts "
                f"above classes, as in {root}/{parts[0]}/{folder.name}, or give them other names."
            )
        yield from (FoundFile(path, folder.name) for path in tree.under(folder))


def _require_readable_name(folder: Path) -> None:
    if not is_text(folder.name):
        raise FolderError(
            f"The name of the class folder {str(folder)!a} isn't UTF-8, as names of classes must be. Rename it."
        )
    if not is_one_line(folder.name):
        raise FolderError(
            f"The name of the class folder {str(folder)!a} has control characters such as line ends, or nothing to be "
            "seen. Rename it."
        )


def _hidden(name: str) -> bool:
    return name.startswith(HIDDEN) or name.lower() in SYSTEM


def _no_file(path: Path) -> str | None:
    """Why it isn't a file to look into, None if it is one."""
    if path.name.startswith(HIDDEN):
        return "hidden"
    if path.is_file():
        return None
    return "link to nothing" if path.is_symlink() else "neither file nor folder"


def _refuse(error: OSError) -> None:
    raise FolderError(
        f"The folder {error.filename} can't be read ({error.strerror}). Make it readable, or move it away."
    )
