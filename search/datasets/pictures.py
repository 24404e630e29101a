"""One image file, from its bytes to pixels as they were meant: upright, on white, with all of its depth."""

import importlib.util
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from search.datasets.errors import FolderError
from search.datasets.layout import IMAGE_SUFFIXES
from search.datasets.resizing import resized
from spaces.resizing import Resize

Depth = Literal["8-bit", "16-bit", "32-bit", "float"]

MOST_PIXELS = 89_478_485  # of one image, 256 MB in color: from there on, Pillow takes it for an attack
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
GRAY = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
KINDS = MappingProxyType({"1": "1-bit", "L": "gray", "LA": "gray with alpha", "P": "palette", "RGBA": "RGB with alpha"})
TURNS = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
ON_ITS_SIDE = frozenset({5, 6, 7, 8})
UPRIGHT_ALREADY = ("TIFF", "HEIF")  # formats whose decoders turn images themselves

TURNED = "turned upright, as their EXIF orientation says"
ON_WHITE = "with transparency, put onto white"
FIRST_FRAME = "with several frames or pages, of which the first is used"
DEEP_COLOR = "color deeper than 8 bits, read as 8 bits"


@dataclass(frozen=True)
class PictureHeader:
    """The metadata of an image file, read without decoding it: `size` is (width, height) in pixels, upright; `top` the
    largest value that its pixels can have, None if that isn't a sensible one.
    """

    mode: str
    size: tuple[int, int]
    depth: Depth
    top: float | None

    @property
    def gray(self) -> bool:
        """Whether it has one channel, but for transparency."""
        return self.mode in GRAY

    @property
    def kind(self) -> str:
        """The kind of its content, in words."""
        return KINDS.get(self.mode, self.mode) if self.depth == "8-bit" else f"{self.depth} gray"


@dataclass(frozen=True)
class Form:
    """The common form of all images: one channel or three, the size in pixels, width first as in Pillow, and how."""

    channels: Literal[1, 3]
    size: tuple[int, int]
    resize: Resize = "stretch"


@dataclass(frozen=True, eq=False)
class Picture:
    """Decoded pixels (height, width, channels) in a form, the range that they had before, and what was done to them."""

    pixels: NDArray[Any]
    lowest: float
    highest: float
    treated: tuple[str, ...]


def register_heic() -> bool:
    """Makes Pillow read HEIC, if the package that does it is installed; whether it is."""
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.register_heif_opener()
    return True


def read_header(path: Path) -> PictureHeader | str:
    """The header of an image, or why the file is none.

    Raises:
        FolderError: it has the name of an image, and can't be read.
    """
    try:
        with _opened(path) as image:
            return _header(image)
    except UnidentifiedImageError as error:
        start = _start(path)
        if start[4:8] == b"ftyp" and start[8:12] in HEIC_BRANDS and "HEIF" not in Image.OPEN:
            return "HEIC, which is read after: pip install pillow-heif"
        if start[4:8] == b"ftyp" and start[8:12] in AVIF_BRANDS:
            return "AVIF, which this installation of Pillow can't read: pip install --upgrade pillow"
        if path.suffix.lower() in IMAGE_SUFFIXES:
            raise unreadable(path, error) from error
        return f"no image that is read ({path.suffix.lower() or 'no suffix'})"


def read_picture(path: Path, header: PictureHeader, form: Form) -> Picture:
    """The image in that form: bytes if it has 8 bits, else floats that aren't scaled.

    Raises:
        FolderError: it can't be decoded.
    """
    try:
        with _opened(path) as image:
            return _deep(image, header, form) if header.depth != "8-bit" else _shallow(image, form)
    except FolderError:
        raise
    except Exception as error:  # decoders raise a dozen kinds on damaged files
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> FolderError:
    """The error for an image that can't be read."""
    return FolderError(f"The image {path} can't be read ({error}). Repair it or take it out of the folder.")


def _shallow(image: Image.Image, form: Form) -> Picture:
    upright, treated = _upright(image)
    mode = "L" if form.channels == 1 else "RGB"
    converted, on_white = _on_white(upright, mode)
    lowest, highest = _range(np.asarray(converted))
    brought = resized(converted, form.size, form.resize)
    pixels = np.asarray(brought, np.uint8).reshape(form.size[1], form.size[0], form.channels)
    return Picture(pixels, lowest, highest, (*treated, *([ON_WHITE] if on_white else [])))


def _deep(image: Image.Image, header: PictureHeader, form: Form) -> Picture:
    upright, treated = _upright(image)
    values = np.asarray(upright).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are NaN or infinite")
    key = image.info.get("transparency")
    if isinstance(key, int) and header.top is not None and (values == key).any():
        values[values == key] = header.top
        treated = (*treated, ON_WHITE)
    lowest, highest = _range(values)
    brought = resized(Image.fromarray(values), form.size, form.resize)
    pixels = np.repeat(np.asarray(brought)[:, :, np.newaxis], form.channels, axis=2)
    return Picture(pixels, lowest, highest, treated)


def _upright(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The first frame, upright, and what was done for that."""
    treated = [FIRST_FRAME] if getattr(image, "is_animated", False) else []
    if (_raw_mode(image).find(";16") > 0 and image.mode not in GRAY) or image.info.get("bit_depth", 8) > 8:
        treated.append(DEEP_COLOR)
    by_decoder = _turned_by_decoder(image)
    image.load()
    orientation = 1 if image.format in UPRIGHT_ALREADY else _orientation(image)
    if by_decoder or orientation in TURNS:
        treated.append(TURNED)
    turned = image.transpose(TURNS[orientation]) if orientation in TURNS else image
    return turned, tuple(treated)


def _on_white(image: Image.Image, mode: str) -> tuple[Image.Image, bool]:
    """The image in the mode, and whether some of it was transparent: white is what shows through there."""
    if not image.has_transparency_data:
        return image.convert(mode), False
    layers = image.convert("RGBA")
    if layers.getchannel("A").getextrema()[0] == 255:
        return layers.convert(mode), False
    white = Image.new("RGBA", layers.size, "white")
    white.alpha_composite(layers)
    return white.convert(mode), True


def _header(image: Image.Image) -> PictureHeader:
    raw = _raw_mode(image)
    depth, top = _depth(image, raw)
    # A PNG may have its EXIF after the pixels; to look there, all of them would have to be decoded.
    looked_at = image.format not in UPRIGHT_ALREADY and (image.format != "PNG" or "exif" in image.info)
    width, height = image.size
    on_its_side = looked_at and _orientation(image) in ON_ITS_SIDE
    return PictureHeader(image.mode, (height, width) if on_its_side else (width, height), depth, top)


def _depth(image: Image.Image, raw: str) -> tuple[Depth, float | None]:
    if image.mode.startswith("I;16"):
        return "16-bit", 4095.0 if ";12" in raw else 65535.0
    if image.mode == "I":
        return ("16-bit", 65535.0) if image.format == "PPM" else ("32-bit", None)
    return ("float", None) if image.mode == "F" else ("8-bit", 255.0)


def _raw_mode(image: Image.Image) -> str:
    """How the file has its pixels, such as RGB;16B, "" where that isn't known."""
    for tile in getattr(image, "tile", None) or ():
        arguments = tile[3]
        return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)
    return ""


def _turned_by_decoder(image: Image.Image) -> bool:
    if image.format == "HEIF":
        return image.info.get("original_orientation") in TURNS
    return image.format == "TIFF" and _orientation(image) in TURNS


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none that can be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, struct.error, ValueError, TypeError, KeyError, IndexError, OSError):
        return 1
    return value if isinstance(value, int) else 1


def _range(values: NDArray[Any]) -> tuple[float, float]:
    return float(values.min()), float(values.max())


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    formats = (*FORMATS, *(["HEIF"] if "HEIF" in Image.OPEN else []))
    try:
        with warnings.catch_warnings(action="ignore"):  # of attacks, whose limit is below, and of odd metadata
            image = Image.open(path, formats=formats)
    except UnidentifiedImageError:
        raise
    except Exception as error:  # decoders raise a dozen kinds on damaged files
        if _is_of_the_decoder(error) and path.suffix.lower() not in IMAGE_SUFFIXES:
            # Two letters make a BMP or a PGM for Pillow, such as those of a table that begins with BMI.
            raise UnidentifiedImageError(str(error)) from error
        raise unreadable(path, error) from error
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise FolderError(
                f"The image {path} has {image.width:,} x {image.height:,} pixels, and {MOST_PIXELS:,} are the most "
                "that are decoded. Make it smaller or take it out of the folder."
            )
        with warnings.catch_warnings(action="ignore"):
            yield image


def _is_of_the_decoder(error: Exception) -> bool:
    """Whether the content caused it; that of a file that can't be opened has a number of the system."""
    return not isinstance(error, OSError) or error.errno is None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)
