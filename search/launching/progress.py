"""The live view of a search: how it stands on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from search.study.result_log import ResultLog
from search.study.snapshot import Snapshot, take_details, take_snapshot
from search.views.status_view import StatusView, one_line
from storage import SharedStudy
from storage.records import SlotCounts

PLAIN_INTERVAL_S = 10.0


@dataclass
class ProgressView:
    """Shows snapshots (`with ProgressView(…) as view: view.show(snapshot)`); shows nothing when `quiet`.

    `objective` names what is searched for.
    """

    title: str
    objective: str
    quiet: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True))
    clock: Callable[[], float] = time.monotonic
    _live: Live | None = None
    _began: float = 0.0
    _last_line: float = -PLAIN_INTERVAL_S
    _last_counts: SlotCounts | None = None
    _results: ResultLog | None = None

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

    def look(self, shared: SharedStudy) -> Snapshot:
        """Takes a snapshot of the study and shows it, on a terminal with details.

        Raises:
            StorageUnreachable: the database doesn't answer.
        """
        if self._results is None:
            self._results = ResultLog(shared.ledger)
        snapshot = take_snapshot(shared, self._results)
        self.show(snapshot if self._live is None else take_details(shared, snapshot))
        return snapshot

    def show(self, snapshot: Snapshot) -> None:
        """Shows how far the study is."""
        elapsed = self.clock() - self._began
        if self._live is not None:
            self._live.update(StatusView(snapshot, self.title, self.objective, elapsed))
        elif not self.quiet and self._line_is_due(snapshot):
            self._last_line, self._last_counts = self.clock(), snapshot.counts
            self.console.print(
                one_line(snapshot, self.objective, elapsed), highlight=False, soft_wrap=True, markup=False
            )

    def _line_is_due(self, snapshot: Snapshot) -> bool:
        newly_over = snapshot.counts.finished == snapshot.counts.total and snapshot.counts != self._last_counts
        return newly_over or self.clock() - self._last_line >= PLAIN_INTERVAL_S
