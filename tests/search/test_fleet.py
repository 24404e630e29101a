"""Workers without a study of their own, in this process, with stubs for trainers."""

import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner

from search import launch, queue, studies, worker
from search.host.ends import End
from search.host.shutdown import Shutdown
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.workers import loop
from search.workers.assignment import Assignment
from search.workers.fleet import FleetSettings, FleetWorker
from search.workers.loop import work
from search.workers.placement import WorkerPlacement
from search.workers.settings import WorkerSettings
from storage import SharedStudy, create_study, open_study
from storage.open_database import OpenDatabase
from storage.queue import QueuePlace
from storage.records import Outcome, SlotOrder
from storage.testkit import bound, claimed, set_clock_back
from tests.helpers.comparisons import Comparisons

if TYPE_CHECKING:
    from tests.helpers.lab import Lab


@pytest.fixture
def comparisons(
    tmp_path_factory: pytest.TempPathFactory, sqlite_with_tables_url: str, capsys: pytest.CaptureFixture[str]
) -> Comparisons:
    return Comparisons(sqlite_with_tables_url, tmp_path_factory.mktemp("fleet"), capsys)


def search(comparisons: Comparisons, name: str, n_trials: int, place: QueuePlace | None = None) -> SharedStudy:
    """A search without workers so far."""
    workers = WorkerSettings(artifacts=comparisons.folder / "artifacts")
    options = LaunchOptions(
        space="bn_dropout", storage=comparisons.url, study_name=name, epochs=2, sampler="random", workers=workers
    )
    plan = make_plan(options)
    shared = create_study(comparisons.url, name, msgspec.structs.replace(plan.manifest, pruner="none"))
    shared.ledger.order_up_to(n_trials, plan.orders.__getitem__)
    if place is not None:
        shared.queue.set(place)
    return shared


def test_a_worker_says_what_it_works_on_what_became_of_each_trial_and_why_it_leaves(
    comparisons: Comparisons, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "search.workers")
    comparisons.acts = {1: [{"fail": ["space_error", "no such layer"]}]}
    with search(comparisons, "S", 2) as shared:
        assert serve(comparisons) is End.DONE
        (worker_id,) = [worker.info.worker_id for worker in shared.workers.all()]
    said = [line.replace(worker_id, "W") for line in caplog.messages]
    assert said[:2] == ["worker W works on the study S", "trial 0 begins on worker W"]
    assert re.fullmatch(r"trial 0 is complete after 2 epochs on worker W: val_accuracy 0\.\d{4}", said[2])
    assert said[3:6] == [
        "trial 1 begins on worker W",
        "trial 1 is failed after 0 epochs on worker W; no such layer",
        "worker W leaves the study S: nothing left to do",
    ]


def serve(comparisons: Comparisons, **fleet: str) -> End:
    """One worker that serves all studies until none needs it."""
    settings = WorkerSettings(artifacts=comparisons.folder / "artifacts", wait=0.0)
    told = FleetSettings(idle_exit=0.0, **fleet)
    with OpenDatabase(comparisons.url) as database:
        return FleetWorker(database, told, settings, WorkerPlacement("cpu"), comparisons.stub()).run()


def ended(shared: SharedStudy) -> list[float]:
    return [finished.finished_at for finished in shared.ledger.outcomes()]


def test_the_study_of_the_highest_priority_is_served_first_and_then_the_others(comparisons: Comparisons) -> None:
    with search(comparisons, "old", 2) as old, search(comparisons, "urgent", 2, QueuePlace(priority=5)) as urgent:
        assert serve(comparisons) is End.DONE
        assert [one.ledger.counts().complete for one in (old, urgent)] == [2, 2]
        assert max(ended(urgent)) < min(ended(old))
        assert {one.left for one in old.workers.all()} == {"nothing left to do"}


def test_only_studies_of_the_pattern_are_served(comparisons: Comparisons) -> None:
    with search(comparisons, "team-a", 1) as ours, search(comparisons, "other", 1) as other:
        serve(comparisons, studies="team-*")
        assert [one.ledger.counts().finished for one in (ours, other)] == [1, 0]


def test_a_study_that_this_host_can_t_work_on_is_left_out_and_said_once(
    comparisons: Comparisons, caplog: pytest.LogCaptureFixture
) -> None:
    with search(comparisons, "fit", 2) as fit:
        changed = msgspec.structs.replace(fit.manifest, versions={**fit.manifest.versions, "keras": "1.0"})
        with create_study(comparisons.url, "unfit", changed) as unfit, caplog.at_level(logging.WARNING):
            unfit.ledger.order_up_to(1, lambda number: SlotOrder(seed=number))
            unfit.queue.set(QueuePlace(priority=9))
            serve(comparisons)
            assert unfit.ledger.counts().waiting == 1
        assert fit.ledger.counts().complete == 2
    warned = [record.message for record in caplog.records if "leaves out the study unfit" in record.message]
    assert len(warned) == 1
    assert "keras is" in warned[0]


def test_paused_and_stopped_studies_are_left_alone(comparisons: Comparisons) -> None:
    paused, other = search(comparisons, "paused", 1, QueuePlace(paused=True)), search(comparisons, "stopped", 1)
    with paused, other:
        other.ledger.stop("enough")
        serve(comparisons)
        assert [one.ledger.counts().waiting for one in (paused, other)] == [1, 1]


def test_what_a_killed_worker_left_unsettled_is_settled(
    comparisons: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SETTLE_AFTER_S", 0.0)
    with search(comparisons, "study", 1) as shared:
        lease = bound(shared.ledger, claimed(shared.ledger), shared.study.ask().number)
        shared.ledger.finish(lease, Outcome("complete", 0.5, epochs=2))
        set_clock_back(shared, -60.0)  # a minute has passed
        serve(comparisons)
        assert shared.ledger.unconfirmed() == []


def test_a_worker_leaves_for_a_more_urgent_study_between_two_trials(comparisons: Comparisons) -> None:
    with search(comparisons, "first", 3) as first, search(comparisons, "second", 1, QueuePlace(paused=True)) as second:
        told = FleetSettings(idle_exit=0.0)
        settings = WorkerSettings(artifacts=comparisons.folder / "artifacts", wait=0.0)
        asked = after_the_first(lambda: second.queue.set(QueuePlace(priority=1)), first)
        with OpenDatabase(comparisons.url) as database:
            served = FleetWorker(database, told, settings, WorkerPlacement("cpu"), comparisons.stub())
            original = served._is_needed_elsewhere
            served._is_needed_elsewhere = lambda context: (asked(), original(context))[1]  # type: ignore[method-assign]
            served.run()
        [urgent] = ended(second)
        assert sorted([*ended(first), urgent])[1] == urgent


def after_the_first(act: Callable[[], None], shared: SharedStudy) -> Callable[[], None]:
    """Does it once, when a trial of the study has ended."""
    acted = list[bool]()

    def do() -> None:
        if not acted and shared.ledger.counts().finished:
            acted.append(True)
            act()

    return do


@dataclass
class WantedOnce(Assignment):
    """What the queue says of a worker whose study is paused in its first epoch."""

    asked: int = 0

    @property
    def wanted(self) -> bool:
        self.asked += 1
        return self.asked == 1


def test_a_worker_that_isn_t_wanted_any_more_leaves_within_an_epoch_and_nothing_is_lost(lab: "Lab") -> None:
    shared = lab.study(1)
    context = replace(lab.context(), assignment=WantedOnce())
    assert work(context, Shutdown(), math.inf, needed_elsewhere=lambda: shared.ledger.epoch_count() > 0) is False
    [slot] = shared.ledger.slots()
    assert (slot.state, slot.failures, slot.expiries) == ("waiting", 0, 0)
    assert len(shared.ledger.epochs(0)) == 1
    lab.work()
    assert [row.epoch for row in shared.ledger.epochs(0)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--study-name", "s", "--studies", "a*"), "--studies can't go with --study-name"),
        (("--study-name", "s", "--idle-exit", "1m"), "--idle-exit can't go with --study-name"),
        (("--space", "own.py:space"), "--space can't go without --study-name"),
        (("--n-workers", "0"), "--n-workers 0 leaves nothing to do"),
    ],
)
def test_flags_that_mean_nothing_together_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(worker.main, [*arguments, "--storage", "sqlite:///none.db"])
    assert done.exit_code == 2
    assert message in done.output


def test_the_queue_is_listed_and_changed(comparisons: Comparisons) -> None:
    def said(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(queue.main, [*arguments, "--storage", comparisons.url])
        assert done.exit_code == code, done.output
        return done.output

    with search(comparisons, "one", 2) as one, search(comparisons, "two", 1):
        changed = said("set", "two", "--priority", "7", "--max-workers", "3", "--owner", "me")
        assert changed == "two: priority 7, at most 3 workers, owner me.\n"
        assert "paused, priority 0" in said("pause", "one")
        listed = msgspec.json.decode(said("list", "-f", "json"))
        assert [(study["name"], study["state"], study["place"]["priority"]) for study in listed] == [
            ("two", "open", 7),
            ("one", "paused", 0),
        ]
        assert "any number of workers" in said("set", "two", "--max-workers", "0")
        assert "canceled; 0 trials are being finished, 2 stay waiting" in said("cancel", "one")
        assert one.ledger.stop_reason() is not None
        said("resume", "one")
        assert one.ledger.stop_reason() is None
        assert not one.queue.place().paused
        assert "one    open" in said()
    assert "there is no study 'three'; there are: one, two" in said("pause", "two", "three", code=2)
    assert "set takes --priority" in said("set", "two", code=2)
    assert "--owner can't go with pause" in said("pause", "two", "--owner", "me", code=2)
    assert "takes the names of studies" in said("cancel", code=2)


def test_a_launch_gives_its_study_a_place_and_changes_only_what_it_says(comparisons: Comparisons) -> None:
    def launched(*flags: str) -> str:
        words = ("--space", "bn_dropout", "--study-name", "mine", "--n-trials", "2", "--n-workers", "0", *flags)
        folder = ("--artifacts", str(comparisons.folder / "artifacts"))
        done = CliRunner().invoke(launch.main, [*words, *folder, "--storage", comparisons.url])
        assert done.exit_code == 0, done.output
        return done.output

    launched()
    with open_study(comparisons.url, "mine") as shared:
        assert shared.queue.place() == QueuePlace()  # of who launches, nothing is stored without being asked for
    said = launched("--priority", "7", "--max-workers", "3", "--owner", "vision")
    assert "queue    priority 7, at most 3 workers at once, owner vision" in said
    launched("--max-workers", "0")
    launched()
    with open_study(comparisons.url, "mine") as shared:
        assert shared.queue.place() == QueuePlace(7, None, "vision")
    listed = CliRunner().invoke(studies.main, ["--storage", comparisons.url, "-f", "json"])
    [study] = msgspec.json.decode(listed.stdout)
    assert study["place"] == {"priority": 7, "max_workers": None, "owner": "vision", "paused": False}
    table = CliRunner().invoke(studies.main, ["--storage", comparisons.url]).stdout
    assert "vision" in table
    assert "priority" in table
