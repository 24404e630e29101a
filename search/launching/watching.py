"""Looking at a study from outside: once, or again and again until it is over."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Literal

import msgspec
from rich.console import Console

from search.commands.answer import answer_json, answer_stream
from search.launching.progress import ProgressView
from search.notify.addresses import require_addresses
from search.notify.notifier import notifier_of
from search.notify.study_notices import StudyWatch
from search.study.snapshot import Snapshot, take_details, take_snapshot
from search.views.layout import terminal_width
from search.views.status_view import StatusView
from storage import SharedStudy, open_study

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
    console.print(StatusView(take_details(shared, snapshot), shared.name, shared.manifest.objective), highlight=False)


def watch_status(shared: SharedStudy, format_: Format, interval_s: float, notices: StudyWatch | None = None) -> None:
    """Shows the study's status at this interval until all its trials are finished; with `notices`, sends those."""
    with ProgressView(
        shared.name, shared.manifest.objective, quiet=format_ == "json", console=Console(file=answer_stream())
    ) as view:
        while True:
            snapshot = view.look(shared)
            if notices is not None:
                notices.look(snapshot)
            if format_ == "json":
                answer_json(status_json(shared, snapshot))
            if snapshot.over:
                if notices is not None:
                    notices.note_end()
                return
            time.sleep(interval_s)


@contextlib.contextmanager
def watching_notices(storage: str, study_name: str) -> Iterator[StudyWatch | None]:
    """What sends the notices of a study to SEARCH_NOTIFY, None if that isn't set. It writes down what was sent, and so
    needs write permission.

    Raises:
        UsageError: SEARCH_NOTIFY is wrong.
        StorageError: the study can't be opened for writing.
    """
    require_addresses(os.environ)
    notifier = notifier_of(os.environ)
    if notifier.send is None:
        yield None
        return
    with open_study(storage, study_name) as shared:
        yield StudyWatch(shared, notifier)


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
        "infeasible": snapshot.infeasible,
        "trials_per_hour": snapshot.pace,
        "seconds_left": snapshot.seconds_left,
        "stop_reason": snapshot.stop_reason,
        "ended": snapshot.ended,
    }
    return msgspec.json.encode(document)
