"""The frozen records that a configuration consists of, and how their JSON stays the same from release to release."""

from copy import copy
from typing import TypeVar

import msgspec

from spaces.errors import ConfigurationError
from spaces.names import unknown_name

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A frozen record that goes through JSON unchanged.

    A field with an ordinary default is left out of the JSON while it has that value, so that a release can add one
    and the JSON of every earlier configuration stays what it was. One made with `always_serialized` is always there.
    """

    def __post_init__(self) -> None:
        """Puts each default in the place of its equals: msgspec leaves out the very object only."""
        names, defaults = reversed(self.__struct_fields__), reversed(self.__struct_defaults__)
        for name, default in zip(names, defaults, strict=False):
            value = getattr(self, name)
            if type(value) is type(default) and value == default:
                msgspec.structs.force_setattr(self, name, default)
        self.check()

    def check(self) -> None:
        """Raises ConfigurationError if a field is out of its range."""


def always_serialized(default: T) -> T:
    """The default of a field that is always written into the JSON."""
    field: T = msgspec.field(default_factory=lambda: copy(default))
    return field


def require(holds: bool, message: str) -> None:
    """Raises ConfigurationError with the message unless the condition holds."""
    if not holds:
        raise ConfigurationError(message)


def require_name(kind: str, name: object, valid: tuple[str, ...]) -> None:
    """Raises ConfigurationError, with the valid names and the nearest of them, unless the name is valid."""
    if name not in valid:
        raise ConfigurationError(unknown_name(kind, str(name), valid))
