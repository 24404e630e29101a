"""The live view of a search on standard error: a panel on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.snapshot import Snapshot
from storage.records import SlotCounts

PLAIN_INTERVAL_S = 10.0


@dataclass
class ProgressView:
    """Shows snapshots (`with ProgressView(…) as view: view.show(snapshot)`); shows nothing when `quiet`.

    `objective` names what is searched for. The time left is estimated from the pace since the view was opened.
    """

    title: str
    objective: str
    quiet: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True))
    clock: Callable[[], float] = time.monotonic
    _live: Live | None = None
    _began: float = 0.0
    _finished_before: int | None = None
    _last_line: float = -PLAIN_INTERVAL_S
    _last_counts: SlotCounts | None = None

    def __enter__(self) -> Self:
        self._began = self.clock()
        if not self.quiet and self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4, transient=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Shows how far the study is."""
        if self._finished_before is None:
            self._finished_before = snapshot.counts.finished
        if self._live is not None:
            self._live.update(self._panel(snapshot))
        elif not self.quiet and self._line_is_due(snapshot):
            self._last_line, self._last_counts = self.clock(), snapshot.counts
            self.console.print(self._line(snapshot), highlight=False, soft_wrap=True)

    def seconds_left(self, snapshot: Snapshot) -> float | None:
        """How long the rest takes at the pace so far; None before the first trial is finished."""
        done = snapshot.counts.finished - (self._finished_before or 0)
        if done <= 0:
            return None
        return (self.clock() - self._began) / done * (snapshot.counts.waiting + snapshot.counts.leased)

    def _line_is_due(self, snapshot: Snapshot) -> bool:
        newly_over = snapshot.counts.finished == snapshot.counts.total and snapshot.counts != self._last_counts
        return newly_over or self.clock() - self._last_line >= PLAIN_INTERVAL_S

    def _line(self, snapshot: Snapshot) -> str:
        return f"{done(snapshot)} | {states(snapshot)} | {self._best(snapshot)} | {self._times(snapshot)}"

    def _panel(self, snapshot: Snapshot) -> RenderableType:
        counts = snapshot.counts
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(self.title, style="bold"),
            ProgressBar(total=max(counts.total, 1), completed=counts.finished, width=40),
            done(snapshot),
        )
        return Group(head, Text(f"  {states(snapshot)}"), Text(f"  {self._best(snapshot)}  ·  {self._times(snapshot)}"))

    def _best(self, snapshot: Snapshot) -> str:
        if snapshot.best is None:
            return "no best yet"
        return f"best {self.objective} {snapshot.best.value:.4f} (trial {snapshot.best.number})"

    def _times(self, snapshot: Snapshot) -> str:
        left = self.seconds_left(snapshot)
        rest = "" if left is None else f", about {duration(left)} left"
        return f"{snapshot.epochs} epochs, {duration(self.clock() - self._began)}{rest}"


def done(snapshot: Snapshot) -> str:
    """How many trials are finished of how many."""
    return f"{snapshot.counts.finished}/{snapshot.counts.total} trials"


def states(snapshot: Snapshot) -> str:
    """The trials by state."""
    counts = snapshot.counts
    ended = f"{counts.complete} complete, {counts.pruned} pruned"
    diverged = f", {counts.diverged} diverged" if counts.diverged else ""
    return f"{ended}{diverged}, {counts.failed} failed, {counts.leased} running, {counts.waiting} waiting"


def duration(seconds: float) -> str:
    """A time for people: 8 s, 2 min 05 s, 3 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
