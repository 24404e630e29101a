"""A number that was measured on some images, with how far it might be off on others like them."""

import msgspec


class Estimate(msgspec.Struct, frozen=True):
    """A value and its 95 % interval, in the unit of the value."""

    value: float
    low: float
    high: float
