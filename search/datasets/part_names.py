"""The names by which people call the parts of a data set."""

import re
from types import MappingProxyType

ROLES = MappingProxyType(
    {
        "training": ("train", "training", "trn"),
        "validation": ("val", "validation", "valid", "validate", "dev", "development"),
        "test": ("test", "testing", "tst"),
    }
)
ENDINGS = ("", "set", "data", "images", "dataset")
KNOWN = MappingProxyType({f"{name}{end}": role for role, names in ROLES.items() for name in names for end in ENDINGS})


def role_of(name: str) -> str | None:
    """training, validation or test for a name such as Train, VALID, test_set; None for any other."""
    return KNOWN.get(re.sub(r"[^a-z0-9]", "", name.lower()))
