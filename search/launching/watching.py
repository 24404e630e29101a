"""Looking at a study from outside: once, or again and again until it is over."""

import time
from typing import Literal

import msgspec
from rich.console import Console

from search.commands.answer import answer_json, answer_stream
from search.launching.progress import ProgressView
from search.study.snapshot import Snapshot, take_snapshot
from search.views.layout import terminal_width
from search.views.status_view import StatusView
from storage import SharedStudy

Format = Literal["table", "json"]


def print_status(shared: SharedStudy, format_: Format) -> None:
    """Prints how the study stands."""
    snapshot = take_snapshot(shared)
    if format_ == "json":
        answer_json(msgspec.json.format(status_json(shared, snapshot), indent=2).decode())
        return
    console = Console(file=answer_stream())
    if not console.is_terminal:
        console = Console(file=answer_stream(), width=terminal_width())
    console.print(StatusView(snapshot, shared.name, shared.manifest.objective), highlight=False)


def watch_status(shared: SharedStudy, format_: Format, interval_s: float) -> None:
    """Shows the study's status at this interval until all its trials are finished."""
    with ProgressView(
        shared.name, shared.manifest.objective, quiet=format_ == "json", console=Console(file=answer_stream())
    ) as view:
        while True:
            snapshot = take_snapshot(shared)
            view.show(snapshot)
            if format_ == "json":
                answer_json(status_json(shared, snapshot))
            if snapshot.over:
                return
            time.sleep(interval_s)


def status_json(shared: SharedStudy, snapshot: Snapshot) -> bytes:
    """The snapshot as a JSON document; names as in `python -m search.launch -f json`."""
    document = {
        "study_name": shared.name,
        "trials": snapshot.counts.by_state(),
        "ordered": snapshot.counts.total,
        "objective": shared.manifest.objective,
        "best": snapshot.best,
        "incumbents": snapshot.incumbents,
        "epochs": snapshot.epochs,
        "workers": snapshot.workers,
        "failures": snapshot.failures,
        "trials_per_hour": snapshot.pace,
        "seconds_left": snapshot.seconds_left,
        "stop_reason": snapshot.stop_reason,
        "ended": snapshot.ended,
    }
    return msgspec.json.encode(document)
