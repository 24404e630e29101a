"""An image brought to a size: cropped, padded or stretched."""

from typing import assert_never

from PIL import Image, ImageOps

from spaces.resizing import Resize


def padded(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """All of the image, as large as fits, in the middle of black. Pillow's own function fails on very long images."""
    scale = min(size[0] / image.width, size[1] / image.height)
    width, height = (max(1, round(side * scale)) for side in image.size)
    whole = Image.new(image.mode, size)
    inner = image.resize((width, height), Image.Resampling.BILINEAR)
    whole.paste(inner, ((size[0] - width) // 2, (size[1] - height) // 2))
    return whole


def resized(image: Image.Image, size: tuple[int, int], resize: Resize) -> Image.Image:
    """The image in that size, (width, height) in pixels as in Pillow; as it is if it has it already."""
    if image.size == size:
        return image
    match resize:
        case "crop":
            return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
        case "pad":
            return padded(image, size)
        case "stretch":
            return image.resize(size, Image.Resampling.BILINEAR)
        case _:
            assert_never(resize)
