"""A study at a glance: what is shown of it, live and once, on a terminal and elsewhere."""

import io
import json
import os
import re
import socket
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len
from rich.console import Console

from search.status import main
from search.study.snapshot import Best, Snapshot, WorkerStatus, pace, running_best, steps_of, take_snapshot
from search.views.status_view import BAR_WIDTH, StatusView, bar
from search.views.workers_table import COLUMNS, Layout, layout_of
from spaces.epoch_scores import EpochScores
from storage.records import FinishedSlot, Outcome, SlotCounts, SlotOrder, WorkerInfo, WorkerRow
from storage.testkit import HIGHER, LOWER, bound, claimed
from tests.helpers.lab import Lab

HERE = WorkerStatus("alpha", "gpu 0", 77, "at work", 12, 3, 0.21, 1.2, 940.0)
GONE = WorkerStatus("beta", "cpu", 78, "lost", None, None, None, 95.0, None)
SNAPSHOT = Snapshot(
    SlotCounts(total=20, waiting=9, leased=2, complete=4, pruned=3, diverged=1, failed=1),
    Best(7, 0.9375),
    61,
    None,
    incumbents=(Best(1, 0.81), Best(4, 0.9), Best(7, 0.9375)),
    workers=(HERE, GONE),
    failures={"crash: [red]a reason[/red]": 1},
    best_params={"optimizer": "adam", "learning_rate": 0.00123456},
    best_metrics={"val_macro_f1": 0.92, "val_brier": 0.0625},
    curves={12: (0.1, 0.4, 0.8), 13: (0.6,)},
    pace=120.0,
    epochs_per_trial=10,
)


def shown(snapshot: Snapshot, width: int = 100) -> str:
    written = io.StringIO()
    Console(file=written, width=width, color_system=None).print(StatusView(snapshot, "demo", "val_accuracy"))
    return written.getvalue()


def status(url: str, *arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, ["--storage", url, *arguments])


def finished(number: int, value: float | None, at: float, state: Any = "complete") -> FinishedSlot:
    return FinishedSlot(number, number, Outcome(state, value, epochs=3), True, at, token=1, worker_id="w")


def worker(started_at: float) -> WorkerRow:
    info = WorkerInfo("one", socket.gethostname(), os.getpid())
    return WorkerRow(info, {}, started_at=started_at, age_s=0.5, left=None)


def test_everything_that_there_is_to_know_is_there() -> None:
    text = shown(SNAPSHOT)
    for words in (
        "9/20 trials",
        "4 complete",
        "1 failed",
        "best val_accuracy 0.9375 (trial 7)   val_macro_f1 0.9200   val_brier 0.0625",
        "from 0.8100 (trial 1)",
        "120 trials/hour",
        "about 5 min 30 s left",
        "alpha (77)",
        "gpu 0",
        "3/10",
        "0.21",
        "0.9 GB",
        "1 min 35 s ago, lost",
        "crash: [red]a reason[/red]",
        "optimizer adam  learning_rate 0.00123",
        "trial 12 ▁▄█ 0.8000   trial 13 ▆ 0.6000",
    ):
        assert words in text


REASON = "crash: the trainer was killed by the system as it ran out of memory"
BUSY = replace(
    SNAPSHOT,
    counts=SlotCounts(total=4000, waiting=2900, leased=32, complete=444, pruned=555, diverged=33, failed=36),
    incumbents=tuple(Best(number, 0.5 + number / 100) for number in range(45)),
    workers=(replace(HERE, host="gpu-node-17", device="gpu 0"), GONE),
    failures={REASON: 36},
    best_params={f"parameter_{number}": "a long choice" for number in range(9)} | {"x" * 300: "y" * 300},
    curves={2000 + trial: tuple(epoch / 99 for epoch in range(99)) for trial in range(16)},
)


@pytest.mark.parametrize("width", [60, 72, 80, 100, 200])
def test_it_fits_the_terminal_and_tears_no_word(width: int) -> None:
    text = shown(BUSY, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for words in (
        "1068/4000 trials  27%",
        "█ 444 complete",
        "░ 2900 waiting",
        "best val_accuracy 0.9375 (trial 7)",
        "from 0.5000 (trial 0)",
        "about 24 h 26 min left",
        "gpu-node-17 (77)",
        "1 min 35 s ago, lost",
        "parameter_8 a long choice",
        "█ 0.9899",
    ):
        assert words in text
    assert REASON in " ".join(text.split())


def test_a_narrow_terminal_does_without_columns_rather_than_words() -> None:
    assert layout_of([dict.fromkeys(COLUMNS, "a")], 80) == Layout(COLUMNS, 3)
    assert layout_of([dict.fromkeys(COLUMNS, "a")], 58) == Layout(COLUMNS, 2)
    assert layout_of([dict.fromkeys(COLUMNS, "a" * 9)], 60) == Layout(
        ("worker", "device", "trial", "epoch", "last seen"), 3
    )


def test_in_pipes_it_is_as_wide_as_columns_says(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.acts = {0: [{"fail": ["space_error", "no such layer " * 12]}]}
    lab.study(1)
    lab.work()
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, status(lab.url).stdout.splitlines())) <= 60


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (Snapshot(SlotCounts(), None, 0, None), "nothing ordered"),
        (Snapshot(SlotCounts(total=3, waiting=3), None, 0, None), "no active workers"),
        (Snapshot(SlotCounts(total=3, complete=3), Best(0, 0.5), 9, None), "finished"),
        (Snapshot(SlotCounts(total=3, waiting=3), None, 0, "the disk is full"), "stopped: the disk is full"),
    ],
    ids=["empty", "unattended", "finished", "stopped"],
)
def test_the_status_of_a_study_is_said(snapshot: Snapshot, words: str) -> None:
    assert words in shown(snapshot)


def test_the_bar_is_as_long_as_it_should_be_whatever_the_counts() -> None:
    for complete in range(30):
        assert len(bar(SlotCounts(total=29, complete=complete, waiting=29 - complete)).plain) == BAR_WIDTH


def test_the_best_grows_in_the_order_in_which_trials_finished() -> None:
    done = [finished(3, 0.5, 1), finished(0, 0.4, 2), finished(1, 0.9, 3, "pruned"), finished(2, 0.7, 4)]
    assert running_best(done, HIGHER) == (Best(3, 0.5), Best(2, 0.7))
    assert running_best(done, LOWER) == (Best(3, 0.5), Best(0, 0.4))


def test_the_pace_is_that_since_the_workers_began() -> None:
    done = [finished(0, 0.5, 10.0), finished(1, 0.5, 1030.0), finished(2, 0.5, 1060.0)]
    assert pace(done, [worker(1000.0)], now=1072.0) == pytest.approx(100.0)


def test_the_pace_of_a_long_search_is_that_of_its_last_trials() -> None:
    slow = [finished(number, 0.5, 1000.0 + 100 * number) for number in range(50)]
    fast = [finished(50 + number, 0.5, 5900.0 + 36 * (number + 1)) for number in range(31)]
    assert pace([*slow, *fast], [worker(900.0)], now=fast[-1].finished_at) == pytest.approx(100.0)


def test_without_a_worker_there_is_no_pace() -> None:
    assert pace([finished(0, 0.5, 10.0)], [], now=20.0) is None


def test_times_of_before_the_clock_was_set_back_make_no_pace() -> None:
    done = [finished(number, 0.5, 5000.0 + number) for number in range(3)]
    assert pace(done, [worker(4990.0)], now=1400.0) is None
    later = [*done, finished(3, 0.5, 1436.0)]
    assert pace(later, [worker(4990.0), worker(1400.0)], now=1472.0) == pytest.approx(50.0)


def test_a_worker_is_shown_with_its_trial_and_its_epochs(lab: Lab) -> None:
    shared = lab.study(2)
    me = WorkerInfo("me", socket.gethostname(), os.getpid(), "cpu")
    shared.workers.register(me)
    shared.workers.beat("me", trainer_memory_mb=512, steps=[120, 400])
    lease = claimed(shared.ledger, "me")
    lease = bound(shared.ledger, lease, shared.study.ask().number)
    for epoch, seconds in ((1, 0.2), (2, 0.4)):
        shared.ledger.record_epoch(lease, EpochScores(epoch, 0.1, 0.9, 0.1, 0.9, seconds, 0.001))
    (line,) = take_snapshot(shared).workers
    assert (line.activity, line.trial, line.epoch, line.memory_mb) == ("at work", 0, 2, 512.0)
    assert line.seconds_per_epoch == pytest.approx(0.3)
    assert line.steps == (120, 400)
    assert "2/3 +30%" in status(lab.url).stdout


@pytest.mark.parametrize("stored", [None, [3], [5, 4], [-1, 4], [0, 0], ["1", 2], {"done": 1}, 7])
def test_what_is_not_a_count_of_steps_is_left_out(stored: object) -> None:
    assert steps_of(stored) is None


def test_the_best_trial_s_parameters_and_the_curves_of_running_trials_are_shown(lab: Lab) -> None:
    shared = lab.study(2)
    shared.ledger.order_up_to(2, lambda number: SlotOrder(seed=number))
    lab.work()
    shared.ledger.order_up_to(3, lambda number: SlotOrder(seed=number))
    shared.workers.register(WorkerInfo("me", socket.gethostname(), os.getpid(), "cpu"))
    lease = claimed(shared.ledger, "me")
    lease = bound(shared.ledger, lease, shared.study.ask().number)
    for epoch, accuracy in ((1, 0.25), (2, 0.75)):
        shared.ledger.record_epoch(lease, EpochScores(epoch, 0.1, 0.9, 0.1, accuracy, 0.2, 0.001))
    text = status(lab.url).stdout
    assert "trial 2 ▁█ 0.7500" in text
    assert re.search(r"^optimizer \w+  ", text, re.MULTILINE)


def test_the_metrics_that_a_study_reports_are_shown_of_its_best_trial(lab: Lab) -> None:
    shared = lab.study(0, report_metrics=("val_loss",))
    shared.ledger.order_up_to(1, lambda number: SlotOrder(seed=number))
    shared.workers.register(WorkerInfo("me", socket.gethostname(), os.getpid(), "cpu"))
    lease = claimed(shared.ledger, "me")
    lease = bound(shared.ledger, lease, shared.study.ask().number)
    shared.ledger.record_epoch(lease, EpochScores(1, 0.1, 0.9, 0.3125, 0.75, 0.2, 0.001))
    shared.ledger.finish(lease, Outcome("complete", 0.75, epochs=1))
    assert "best val_accuracy 0.7500 (trial 0)   val_loss 0.3125" in status(lab.url).stdout


def test_the_json_has_the_same_names_as_that_of_a_launch(lab: Lab) -> None:
    lab.study(2)
    lab.work()
    document = json.loads(status(lab.url, "-f", "json").stdout)
    assert document["trials"] == dict.fromkeys(document["trials"], 0) | {"complete": 2}
    states = ["complete", "diverged", "failed", "infeasible", "paused", "pruned", "running", "waiting"]
    assert sorted(document["trials"]) == states
    assert document["best"]["number"] == document["incumbents"][-1]["number"]
    assert document["seconds_left"] is None


def test_watching_a_finished_study_ends_at_once(lab: Lab) -> None:
    lab.study(1)
    lab.work()
    result = status(lab.url, "--watch")
    assert result.exit_code == 0
    assert result.stdout.startswith("1/1 trials | 1 complete")


def test_watching_as_json_gives_a_document_a_line(lab: Lab) -> None:
    lab.study(1)
    lab.work()
    (line,) = status(lab.url, "--watch", "-f", "json").stdout.splitlines()
    assert json.loads(line)["ordered"] == 1


def test_an_empty_study_is_shown_as_that(lab: Lab) -> None:
    lab.study(0)
    result = status(lab.url)
    assert result.exit_code == 0
    assert "nothing ordered" in result.stdout


def test_failures_are_counted_by_their_reason(lab: Lab) -> None:
    lab.acts = {slot: [{"fail": ["space_error", "no such layer"]}] for slot in range(2)}
    lab.study(2)
    lab.work()
    assert "2  space_error: no such layer" in " ".join(status(lab.url).stdout.split("\n"))


def test_a_database_that_is_not_there_is_said_to_be_missing(sqlite_url: str) -> None:
    result = status(sqlite_url)
    assert result.exit_code == 2
    assert "a launch creates it" in result.stderr
