"""Arrays and a few words about them in one `.npz` file that is used whole and undamaged, or not at all.

A digest of everything is inside: zip's own checksums cover neither its directory nor which array has which name. NumPy
can't write the types that come from outside of it (bfloat16, float8), so that these are stored as plain bytes.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

HEADER = "meta"
USER_DEFINED = 2  # what `isbuiltin` is of types that other packages register with NumPy


class Form(msgspec.Struct, frozen=True):
    """The type, by its name, and the shape of an array whose bytes are stored."""

    dtype: str
    shape: tuple[int, ...]


class Header(msgspec.Struct, frozen=True):
    """The header of a file: the caller's words, the arrays that are stored as bytes, and the digest of it all,
    which older files don't have.
    """

    words: msgspec.Raw
    forms: dict[str, Form] = {}
    digest: str = ""


class DamagedFile(Exception):
    """The file can't be read, or isn't what was written; the message says why."""


def write_arrays(file: BinaryIO, words: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes the arrays, and the words, which are JSON.

    Raises:
        OSError: the disk is full, or doesn't work.
    """
    forms = {name: Form(value.dtype.name, value.shape) for name, value in arrays.items() if _is_foreign(value.dtype)}
    stored = {name: _as_bytes(value) if name in forms else value for name, value in arrays.items()}
    header = Header(msgspec.Raw(words), forms)
    header = msgspec.structs.replace(header, digest=_digest(header, stored))
    np.savez(file, allow_pickle=False, **{HEADER: np.frombuffer(msgspec.json.encode(header), np.uint8)}, **stored)


def read_words(path: Path) -> bytes:
    """The words of a file alone, whose arrays may be damaged.

    Raises:
        DamagedFile: they can't be read.
    """
    with _opened(path) as file:
        return bytes(_header(file).words)


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Form]]:
    """The arrays of a file; those of the mapping that is the last are bytes, of arrays of these forms.

    Raises:
        DamagedFile: it isn't whole, or damaged.
    """
    with _opened(path) as file:
        header, stored = _header(file), {name: file[name] for name in file.files if name != HEADER}
    if header.digest and header.digest != _digest(header, stored):
        raise DamagedFile("it is damaged: it isn't what was written")
    return stored, header.forms


def shaped(stored: NDArray[Any], form: Form | None, like: NDArray[Any]) -> NDArray[Any] | None:
    """A stored array as one of the type and shape of `like`, None if it isn't one."""
    if form is None:
        return stored if (stored.dtype, stored.shape) == (like.dtype, like.shape) else None
    if (form.dtype, form.shape) != (like.dtype.name, like.shape) or stored.nbytes != like.nbytes:
        return None
    return np.frombuffer(stored.tobytes(), like.dtype).reshape(like.shape)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    if not path.is_file():  # a pipe would be waited for
        raise DamagedFile("it isn't a file")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            yield file
    except Exception as error:  # zipfile and NumPy raise a dozen kinds on damaged bytes
        raise DamagedFile(f"it can't be read ({type(error).__name__}: {error})") from error


def _header(file: NpzFile) -> Header:
    encoded = file[HEADER].tobytes()
    older = "words" not in msgspec.json.decode(encoded, type=dict[str, msgspec.Raw])
    return Header(msgspec.Raw(encoded)) if older else msgspec.json.decode(encoded, type=Header)


def _is_foreign(dtype: np.dtype[Any]) -> bool:
    return dtype.isbuiltin == USER_DEFINED


def _as_bytes(value: NDArray[Any]) -> NDArray[np.uint8]:
    return np.frombuffer(value.tobytes(), np.uint8)


def _digest(header: Header, stored: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(header, digest="")))
    for name, value in stored.items():
        digest.update(repr((name, value.dtype.str, value.shape)).encode())
        digest.update(np.ascontiguousarray(value).data if value.size else b"")
    return digest.hexdigest()
