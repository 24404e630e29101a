"""The jobs of a fleet, a line each."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from search.cluster.standing import PlaceStatus
from search.commands.answer import answer_stream
from search.views.layout import terminal_width
from search.views.plain import plain
from search.views.times import duration

MOST_PLACES = 64
COLUMNS = ("job", "state", "host", "workers", "last seen", "reason")


def places_table(places: Sequence[PlaceStatus]) -> None:
    """Prints the lines."""
    if not places:
        return
    console = Console(file=answer_stream())
    if not console.is_terminal:
        console = Console(file=answer_stream(), width=terminal_width())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in COLUMNS:
        table.add_column(name)
    for place in places[:MOST_PLACES]:
        table.add_row(*map(plain, cells(place)), style="red" if place.state in ("lost", "failed") else "")
    console.print(table, highlight=False)
    if len(places) > MOST_PLACES:
        console.print(f"and {len(places) - MOST_PLACES} more", highlight=False)


def cells(place: PlaceStatus) -> tuple[str, ...]:
    """The cells of a job."""
    workers = f"{place.at_work} of {place.workers} at work" if place.workers else ""
    seen = "" if place.seen_s is None else f"{duration(place.seen_s)} ago"
    return place.job, place.state, place.host, workers, seen, place.reason
