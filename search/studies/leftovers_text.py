"""What no study needs any more, for a terminal and for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from search.studies.leftovers import Leftovers
from search.studies.overview import MEGABYTE
from search.views.layout import TextTable, table_text


def leftovers_text(leftovers: Leftovers, *, removed: bool) -> str:
    """A table, what was done or can be done, and what stays."""
    return "\n".join(parts(leftovers, removed=removed)).rstrip("\n")


def parts(leftovers: Leftovers, *, removed: bool) -> Iterator[str]:
    """The table and the sentences."""
    if leftovers.found:
        rows = tuple((one.kind, one.study, megabytes(one.bytes), one.path) for one in leftovers.found)
        title = f"{len(rows)} left over, {megabytes(leftovers.bytes)} MB"
        yield table_text(TextTable(title, ("what", "study", "MB", "where"), rows, frozenset({"MB"})))
        yield "Removed." if removed else "Nothing was removed: python -m search.studies gc --yes removes it."
    else:
        yield "Nothing is left over."
    for one in leftovers.unclear:
        yield f"{one.path} ({megabytes(one.bytes)} MB) may be of a study in another database, and stays."


def leftovers_json(leftovers: Leftovers, *, removed: bool) -> str:
    """One document."""
    document = {
        "removed": removed,
        "bytes": leftovers.bytes,
        "found": [asdict(one) for one in leftovers.found],
        "unclear": [asdict(one) for one in leftovers.unclear],
    }
    return json.dumps(document, indent=2)


def megabytes(size: int) -> str:
    """A size in bytes as megabytes."""
    return f"{size / MEGABYTE:.1f}"
