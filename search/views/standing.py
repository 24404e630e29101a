"""How a study stands, for a terminal: the same for a launch's live view and for `python -m search.status`."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from search.study.snapshot import Snapshot, WorkerLine
from search.views.plain import plain
from storage.records import SlotCounts

BAR_WIDTH = 48
MOST_WORKERS = 16
MOST_FAILURES = 5
LONGEST_REASON = 300
LEVELS = "▁▂▃▄▅▆▇█"
LOST_MARK = "lost"

# Each state has a block of its own, so that the bar can be read without its colours.
BLOCKS = (("complete", "█", "blue"), ("pruned", "▓", "cyan"), ("diverged", "▚", "magenta"), ("failed", "▞", "red"))
RUNNING, WAITING = ("▒", "yellow"), ("░", "bright_black")


def standing(snapshot: Snapshot, title: str, objective: str, *, elapsed_s: float | None = None) -> RenderableType:
    """All that there is to see: `objective` names what is searched for, `elapsed_s` is how long one has watched."""
    return Group(*lines(snapshot, title, objective, elapsed_s))


def lines(snapshot: Snapshot, title: str, objective: str, elapsed_s: float | None) -> Iterator[RenderableType]:
    """The parts, from top to bottom."""
    counts = snapshot.counts
    share = f"{counts.finished / counts.total:.0%}" if counts.total else "nothing ordered"
    yield Text.assemble(plain(title, "bold"), "  ", plain(mood(snapshot), "italic"))
    yield Text()
    yield Text.assemble(bar(counts), "  ", (f"{counts.finished}/{counts.total} trials", "bold"), f"  {share}")
    yield Text()
    yield legend(counts)
    yield Text.assemble(best_words(snapshot, objective), growth_words(snapshot))
    yield Text(times(snapshot, elapsed_s))
    if snapshot.workers:
        yield Text()
        yield workers_table(snapshot)
    if snapshot.failures:
        yield Text()
        yield failures_table(snapshot)


def mood(snapshot: Snapshot) -> str:
    """What goes on, in a few words."""
    if snapshot.stop_reason is not None:
        return f"stopped: {snapshot.stop_reason}"
    if snapshot.counts.total and snapshot.over:
        return "finished"
    alive = sum(worker.mood != LOST_MARK for worker in snapshot.workers)
    if not alive:
        return "no active workers"
    return f"{alive} worker{'' if alive == 1 else 's'}"


def bar(counts: SlotCounts) -> Text:
    """The trials by state, as a bar of blocks."""
    parts = [(getattr(counts, state), *look) for state, *look in BLOCKS]
    parts += [(counts.leased, *RUNNING), (counts.waiting, *WAITING)]
    total = max(counts.total, 1)
    drawn, done, used = Text(), 0, 0
    for count, block, colour in parts:
        done += count
        until = round(done / total * BAR_WIDTH)
        drawn.append(block * (until - used), style=colour)
        used = max(used, until)
    return drawn.append("░" * (BAR_WIDTH - used), style=WAITING[1])


def legend(counts: SlotCounts) -> Text:
    """The numbers behind the bar, each with its block."""
    parts = [(getattr(counts, state), state, *look) for state, *look in BLOCKS]
    parts += [(counts.leased, "running", *RUNNING), (counts.waiting, "waiting", *WAITING)]
    words = Text()
    for count, state, block, colour in parts:
        if count or state not in ("diverged", "failed"):
            words.append(block, style=colour).append(f" {count} {state}   ")
    return words


def best_words(snapshot: Snapshot, objective: str) -> Text:
    """The best so far."""
    if snapshot.best is None:
        return Text("no trial is complete yet")
    return Text.assemble(
        f"best {objective} ", (f"{snapshot.best.value:.4f}", "bold"), f" (trial {snapshot.best.number})"
    )


def growth_words(snapshot: Snapshot) -> Text:
    """How the best grew, from the first completed trial on."""
    if len(snapshot.growth) < 2:
        return Text()
    values = [best.value for best in snapshot.growth]
    low, span = min(values), max(values) - min(values)
    levels = "".join(LEVELS[round((value - low) / span * (len(LEVELS) - 1))] for value in values)
    first = snapshot.growth[0]
    return Text.assemble("   ", (levels, "blue"), f"   from {first.value:.4f} (trial {first.number})")


def times(snapshot: Snapshot, elapsed_s: float | None = None) -> str:
    """Epochs, pace, time watched and time left."""
    parts = [f"{snapshot.epochs} epochs"]
    if elapsed_s is not None and elapsed_s >= 1:
        parts.append(duration(elapsed_s))
    if snapshot.pace is not None and not snapshot.over and snapshot.stop_reason is None:
        parts.append(f"{snapshot.pace:,.0f} trials/hour")
        parts.append(f"about {duration(snapshot.seconds_left or 0.0)} left")
    return "   ".join(parts)


def workers_table(snapshot: Snapshot) -> RenderableType:
    """A line a worker."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bright_black")
    for name in ("worker", "device"):
        table.add_column(name)
    for name in ("trial", "epoch", "s/epoch", "memory", "last seen"):
        table.add_column(name, justify="right")
    for worker in snapshot.workers[:MOST_WORKERS]:
        table.add_row(
            *map(plain, worker_cells(worker, snapshot.epochs_a_trial)), style="red" if worker.mood == LOST_MARK else ""
        )
    more = len(snapshot.workers) - MOST_WORKERS
    return Group(table, Text(f"and {more} more")) if more > 0 else table


def worker_cells(worker: WorkerLine, epochs: int | None) -> list[str]:
    """The cells of one worker."""
    of = "" if epochs is None else f"/{epochs}"
    return [
        f"{worker.host} ({worker.pid})",
        worker.device,
        "idle" if worker.trial is None else str(worker.trial),
        "" if worker.epoch is None else f"{worker.epoch}{of}",
        "" if worker.seconds_an_epoch is None else seconds(worker.seconds_an_epoch),
        "" if worker.memory_mb is None else f"{worker.memory_mb / 1000:.1f} GB",
        f"{duration(worker.seen_s)} ago" + (", lost" if worker.mood == LOST_MARK else ""),
    ]


def failures_table(snapshot: Snapshot) -> RenderableType:
    """The failures by reason."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column("failed", justify="right")
    table.add_column("reason")
    for reason, count in list(snapshot.failures.items())[:MOST_FAILURES]:
        table.add_row(str(count), plain(shortened(reason)))
    return table


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def done(snapshot: Snapshot) -> str:
    """How many trials are finished of how many."""
    return f"{snapshot.counts.finished}/{snapshot.counts.total} trials"


def states(snapshot: Snapshot) -> str:
    """The trials by state."""
    counts = snapshot.counts
    ended = f"{counts.complete} complete, {counts.pruned} pruned"
    diverged = f", {counts.diverged} diverged" if counts.diverged else ""
    return f"{ended}{diverged}, {counts.failed} failed, {counts.leased} running, {counts.waiting} waiting"


def one_line(snapshot: Snapshot, objective: str, elapsed_s: float) -> str:
    """The study on one line, where there is no terminal."""
    best = "no best yet"
    if snapshot.best is not None:
        best = f"best {objective} {snapshot.best.value:.4f} (trial {snapshot.best.number})"
    left = snapshot.seconds_left
    ended = snapshot.over or snapshot.stop_reason is not None
    rest = "" if left is None or ended else f", about {duration(left)} left"
    return f"{done(snapshot)} | {states(snapshot)} | {best} | {snapshot.epochs} epochs, {duration(elapsed_s)}{rest}"


def seconds(time_s: float) -> str:
    """A number of seconds to two digits where it is short: 0.034, 1.4, 140."""
    return f"{time_s:.2g}" if time_s < 10 else f"{time_s:.0f}"


def duration(seconds: float) -> str:
    """A time for people: 8 s, 2 min 05 s, 3 h 10 min, 2 d 3 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
