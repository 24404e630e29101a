"""The workers of a study, one line each, as wide as the terminal allows."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from search.study.snapshot import Snapshot, WorkerStatus
from search.views.plain import plain
from search.views.times import duration, seconds

MOST_WORKERS = 16
LOST_MARK = "lost"
COLUMNS = ("worker", "device", "trial", "epoch", "s/epoch", "memory", "last seen")
NAMES = COLUMNS[:2]  # the other columns have numbers, which stand to the right
EXPENDABLE = ("memory", "s/epoch", "device")  # what a narrow terminal does without, in this order
GAPS = (3, 2)


@dataclass(frozen=True)
class Layout:
    """The columns that are shown, and how far they are apart."""

    columns: tuple[str, ...]
    gap: int


def workers_table(snapshot: Snapshot, width: int) -> RenderableType:
    """A line per worker, in at most `width` columns."""
    workers = snapshot.workers[:MOST_WORKERS]
    rows = [dict(zip(COLUMNS, worker_cells(worker, snapshot.epochs_per_trial), strict=True)) for worker in workers]
    layout = layout_of(rows, width)
    table = Table(box=None, pad_edge=False, padding=(0, layout.gap, 0, 0), header_style="bright_black")
    for name in layout.columns:
        table.add_column(name, justify="left" if name in NAMES else "right")
    for worker, row in zip(workers, rows, strict=True):
        cells = [plain(row[name]) for name in layout.columns]
        table.add_row(*cells, style="red" if worker.activity == LOST_MARK else "")
    more = len(snapshot.workers) - MOST_WORKERS
    return Group(table, Text(f"and {more} more")) if more > 0 else table


def layout_of(rows: Sequence[dict[str, str]], width: int) -> Layout:
    """All columns far apart, if there is room; else nearer to each other, and then without some."""
    for left_out in range(len(EXPENDABLE) + 1):
        columns = tuple(name for name in COLUMNS if name not in EXPENDABLE[:left_out])
        needed = sum(max(cell_len(name), *(cell_len(row[name]) for row in rows)) for name in columns)
        for gap in GAPS:
            if needed + gap * (len(columns) - 1) <= width:
                return Layout(columns, gap)
    return Layout(columns, GAPS[-1])


def worker_cells(worker: WorkerStatus, epochs: int | None) -> list[str]:
    """The cells of one worker."""
    of = "" if epochs is None else f"/{epochs}"
    return [
        f"{worker.host} ({worker.pid})",
        worker.device,
        "idle" if worker.trial is None else str(worker.trial),
        "" if worker.epoch is None else f"{worker.epoch}{of}{part_of_epoch(worker)}",
        "" if worker.seconds_per_epoch is None else seconds(worker.seconds_per_epoch),
        "" if worker.memory_mb is None else f"{worker.memory_mb / 1000:.1f} GB",
        f"{duration(worker.seen_s)} ago" + (", lost" if worker.activity == LOST_MARK else ""),
    ]


def part_of_epoch(worker: WorkerStatus) -> str:
    """How much of the epoch under way is done, "" where that isn't known."""
    if worker.steps is None:
        return ""
    done, steps = worker.steps
    return f" +{done / steps:.0%}"
