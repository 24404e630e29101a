"""The live view: a panel on a terminal, a line now and then elsewhere, nothing when quiet."""

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from search.launching.progress import ProgressView
from search.study.snapshot import Best, Snapshot
from search.views.times import duration
from storage.records import SlotCounts

BEGINNING = Snapshot(SlotCounts(total=10, waiting=8, leased=2), None, 0, None)
HALFWAY = Snapshot(
    SlotCounts(total=10, waiting=3, leased=2, complete=2, pruned=2, diverged=1), Best(4, 0.9375), 17, None, pace=300.0
)
END = Snapshot(SlotCounts(total=10, complete=6, pruned=3, failed=1), Best(4, 0.9375), 40, None)


@dataclass
class Clock:
    """A clock that stands until it is told to go on."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def view(*, terminal: bool = False, quiet: bool = False) -> tuple[ProgressView, io.StringIO, Clock]:
    written, clock = io.StringIO(), Clock()
    console = Console(file=written, force_terminal=terminal, width=100, color_system=None)
    return ProgressView("demo", "val_accuracy", quiet, console, clock), written, clock


def test_a_line_says_how_far_the_search_is() -> None:
    progress, written, clock = view()
    with progress:
        progress.show(BEGINNING)
        clock.now += 60
        progress.show(HALFWAY)
    assert written.getvalue().splitlines() == [
        "0/10 trials | 0 complete, 0 pruned, 0 failed, 2 running, 8 waiting | no best yet | 0 epochs, 0 s",
        "5/10 trials | 2 complete, 2 pruned, 1 diverged, 0 failed, 2 running, 3 waiting "
        "| best val_accuracy 0.9375 (trial 4) | 17 epochs, 1 min 00 s, about 1 min 00 s left",
    ]


def test_lines_come_now_and_then_and_at_the_end() -> None:
    progress, written, clock = view()
    with progress:
        for _ in range(12):
            progress.show(HALFWAY)
            clock.now += 1
        progress.show(END)
        progress.show(END)
    assert [line.split()[0] for line in written.getvalue().splitlines()] == ["5/10", "5/10", "10/10"]


def test_a_terminal_gets_a_panel_with_a_bar() -> None:
    progress, written, clock = view(terminal=True)
    with progress:
        clock.now += 60
        progress.show(HALFWAY)
    shown = written.getvalue()
    assert "demo" in shown
    assert "█" in shown
    assert "5/10 trials" in shown
    assert "best val_accuracy 0.9375 (trial 4)" in shown


@pytest.mark.parametrize("terminal", [False, True])
def test_quiet_shows_nothing(terminal: bool) -> None:
    progress, written, _ = view(terminal=terminal, quiet=True)
    with progress:
        progress.show(HALFWAY)
        progress.show(END)
    assert written.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (8.4, "8 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (11_400, "3 h 10 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_times_are_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words
