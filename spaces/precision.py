"""What a model may compute in."""

from typing import Literal

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
