"""What is said when a name is none of the valid ones."""

import difflib
from collections.abc import Iterable


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> str:
    """A sentence that names the nearest valid name, if one is near, and lists all of them."""
    names = list(valid)
    nearest = difflib.get_close_matches(name, names, n=1)
    suggestion = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"There is no {kind} {name!r}.{suggestion} Valid: {', '.join(names)}."
