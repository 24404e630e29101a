"""The status of a study on a terminal: the same for a launch's live view and for `python -m search.status`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from search.study.snapshot import Snapshot
from search.views.number import number
from search.views.plain import plain
from search.views.times import duration
from search.views.workers_table import LOST_MARK, workers_table
from storage.records import SlotCounts, TrialState

BAR_WIDTH = 48
SHORTEST_BAR = 16
GAP = 3
MOST_FAILURES = 5
LONGEST_REASON = 300
LONGEST_CURVE = 24
LEVELS = "▁▂▃▄▅▆▇█"

# Each state has its own block, so that the bar can be read without colors.
BLOCKS: Mapping[TrialState, tuple[str, str]] = MappingProxyType(
    {
        "complete": ("█", "blue"),
        "pruned": ("▓", "cyan"),
        "diverged": ("▚", "magenta"),
        "infeasible": ("▧", "bright_magenta"),
        "failed": ("▞", "red"),
        "running": ("▒", "yellow"),
        "paused": ("▤", "bright_yellow"),
        "waiting": ("░", "bright_black"),
    }
)
# Only named if there are any.
UNUSUAL: frozenset[TrialState] = frozenset({"diverged", "infeasible", "failed", "paused"})


@dataclass(frozen=True)
class StatusView:
    """The status of a study, as wide as the terminal: `objective` names the metric, `elapsed_s` is how long the caller
    has watched.
    """

    snapshot: Snapshot
    title: str
    objective: str
    elapsed_s: float | None = None

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """The parts, from top to bottom; see rich.console.ConsoleRenderable."""
        yield from lines(self, options.max_width)


def lines(shown: StatusView, width: int) -> Iterator[RenderableType]:
    """The parts, from top to bottom, none of them wider than `width` columns."""
    snapshot = shown.snapshot
    yield from packed([plain(shown.title, "bold"), plain(status(snapshot), "italic")], width, gap=2)
    yield Text()
    yield from bar_lines(snapshot.counts, width)
    yield Text()
    yield from packed(legend(snapshot.counts), width)
    best = (best_words(snapshot, shown.objective), *best_metrics(snapshot))
    yield from packed([*best, *incumbents_text(snapshot, width)], width)
    yield from packed(best_parameters(snapshot, width), width, gap=2)
    yield from packed(times(snapshot, shown.elapsed_s), width)
    if snapshot.workers:
        yield Text()
        yield workers_table(snapshot, width)
    if snapshot.curves:
        yield Text()
        yield from packed(curves_text(snapshot, width), width)
    if snapshot.failures:
        yield Text()
        yield reasons_table("failed", snapshot.failures)
    if snapshot.infeasible:
        yield Text()
        yield reasons_table("infeasible", snapshot.infeasible)


def packed(parts: Sequence[Text], width: int, gap: int = GAP) -> Iterator[Text]:
    """The parts on as few lines as possible, without breaking any of them."""
    line = Text()
    for part in parts:
        if line and line.cell_len + gap + part.cell_len > width:
            yield line
            line = Text()
        line = Text.assemble(line, " " * gap if line else "", part)
    if line:
        yield line


def bar_lines(counts: SlotCounts, width: int) -> Iterator[Text]:
    """The bar, and how many trials are finished of how many."""
    share = f"{counts.finished / counts.total:.0%}" if counts.total else "nothing ordered"
    words = Text.assemble((f"{counts.finished}/{counts.total} trials", "bold"), f"  {share}")
    room = width - words.cell_len - 2
    drawn = bar(counts, min(BAR_WIDTH, room if room >= SHORTEST_BAR else width))
    yield from packed([drawn, words], width, gap=2)


def status(snapshot: Snapshot) -> str:
    """The study's activity, in a few words."""
    if snapshot.stop_reason is not None:
        return f"stopped: {snapshot.stop_reason}"
    if snapshot.ended is not None:
        return f"ended: {snapshot.ended.words}"
    if snapshot.counts.total and snapshot.over:
        return "finished"
    alive = sum(worker.activity != LOST_MARK for worker in snapshot.workers)
    if not alive:
        return "no active workers"
    return f"{alive} worker{'' if alive == 1 else 's'}"


def bar(counts: SlotCounts, width: int = BAR_WIDTH) -> Text:
    """The trials by state, as a bar of `width` blocks."""
    states = counts.by_state()
    parts = [(states[state], block, color) for state, (block, color) in BLOCKS.items()]
    total = max(counts.total, 1)
    drawn, done, used = Text(), 0, 0
    for count, block, color in parts:
        done += count
        until = round(done / total * width)
        drawn.append(block * (until - used), style=color)
        used = max(used, until)
    return drawn.append(BLOCKS["waiting"][0] * (width - used), style=BLOCKS["waiting"][1])


def legend(counts: SlotCounts) -> list[Text]:
    """The numbers behind the bar, each with its block."""
    return [
        Text.assemble(BLOCKS[state], f" {count} {state}")
        for state, count in counts.by_state().items()
        if count or state not in UNUSUAL
    ]


def best_words(snapshot: Snapshot, objective: str) -> Text:
    """The best so far."""
    if snapshot.best is None:
        return Text("no trial is complete yet")
    return Text.assemble(
        f"best {objective} ", (f"{snapshot.best.value:.4f}", "bold"), f" (trial {snapshot.best.number})"
    )


def best_metrics(snapshot: Snapshot) -> list[Text]:
    """The metrics that the study reports of the best trial, each by itself."""
    return [Text(f"{name} {value:.4f}") for name, value in snapshot.best_metrics.items()]


def incumbents_text(snapshot: Snapshot, width: int) -> list[Text]:
    """How the best value rose or fell, from the first completed trial on."""
    if len(snapshot.incumbents) < 2:
        return []
    values = [best.value for best in snapshot.incumbents]
    levels = sparkline(values, min(values), max(values))
    first = snapshot.incumbents[0]
    words = f"   from {first.value:.4f} (trial {first.number})"
    room = max(width - len(words), 1)
    return [Text.assemble((levels[-room:], "blue"), words)]


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """The values as blocks, the lowest for `low` and the highest for `high`; half as high if both are the same."""
    top = len(LEVELS) - 1
    if high <= low:
        return LEVELS[top // 2] * len(values)
    return "".join(LEVELS[round((value - low) / (high - low) * top)] for value in values)


def best_parameters(snapshot: Snapshot, width: int) -> list[Text]:
    """The parameters of the best trial, each by itself."""
    found = [plain(f"{name} {number(value)}", "bright_black") for name, value in snapshot.best_params.items()]
    for text in found:
        text.truncate(width, overflow="ellipsis")
    return found


def curves_text(snapshot: Snapshot, width: int) -> list[Text]:
    """The latest epochs of each running trial, all on one scale, with its last value."""
    values = [value for curve in snapshot.curves.values() for value in curve]
    return [
        Text.assemble(
            f"trial {trial} ",
            (sparkline(curve[-min(LONGEST_CURVE, width // 3) :], min(values), max(values)), "yellow"),
            f" {curve[-1]:.4f}",
        )
        for trial, curve in snapshot.curves.items()
        if curve
    ]


def times(snapshot: Snapshot, elapsed_s: float | None = None) -> list[Text]:
    """Epochs, pace, time watched and time left."""
    parts = [f"{snapshot.epochs} epochs"]
    if elapsed_s is not None and elapsed_s >= 1:
        parts.append(duration(elapsed_s))
    if snapshot.pace is not None and not snapshot.over and snapshot.stop_reason is None:
        parts.append(f"{snapshot.pace:,.0f} trials/hour")
        parts.append(f"about {duration(snapshot.seconds_left or 0.0)} left")
    return list(map(Text, parts))


def reasons_table(state: TrialState, reasons: Mapping[str, int]) -> RenderableType:
    """Trials that ended in that state, by reason."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column(state, justify="right")
    table.add_column("reason")
    for reason, count in list(reasons.items())[:MOST_FAILURES]:
        table.add_row(str(count), plain(shortened(reason)))
    return table


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def finished(snapshot: Snapshot) -> str:
    """How many trials are finished of how many."""
    return f"{snapshot.counts.finished}/{snapshot.counts.total} trials"


def states(snapshot: Snapshot) -> str:
    """The trials by state."""
    states = snapshot.counts.by_state().items()
    rare = UNUSUAL - {"failed"}
    return ", ".join(f"{count} {state}" for state, count in states if count or state not in rare)


def one_line(snapshot: Snapshot, objective: str, elapsed_s: float) -> str:
    """The study on one line, for output that isn't a terminal."""
    best = "no best yet"
    if snapshot.best is not None:
        best = f"best {objective} {snapshot.best.value:.4f} (trial {snapshot.best.number})"
    left = snapshot.seconds_left
    ended = snapshot.over or snapshot.stop_reason is not None
    rest = "" if left is None or ended else f", about {duration(left)} left"
    return f"{finished(snapshot)} | {states(snapshot)} | {best} | {snapshot.epochs} epochs, {duration(elapsed_s)}{rest}"
