"""Notices go to SEARCH_NOTIFY, each once, and the addresses stay secret."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from search.host.ends import End
from search.launching.notices import tell_of_end
from search.notify.addresses import VARIABLE
from search.notify.notifier import notifier_of
from search.notify.study_notices import StudyWatch, silence_notice
from search.study.snapshot import take_snapshot
from search.views.facts import gather_facts
from storage import SharedStudy, open_study
from storage.queue import QueuePlace
from storage.records import SlotOrder, WorkerInfo
from storage.tables import workers
from storage.transaction import writing
from tests.helpers.lab import NAME, Lab
from tests.helpers.mailbox import SECRET, Mailbox, mailbox

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise with Python 3.11


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mailbox to which SEARCH_NOTIFY sends."""
    with mailbox() as made:
        monkeypatch.setenv(VARIABLE, made.url)
        yield made


def work(lab: Lab, box: Mailbox) -> None:
    """Works as one who knows the address does."""
    lab.work(replace(lab.context(), notifier=notifier_of({VARIABLE: box.url})))


def watched(lab: Lab, *arguments: str) -> Result:
    main = import_module("search.status").main
    return CliRunner().invoke(main, ["--storage", lab.url, "--watch", *arguments])


def idle_for(shared: SharedStudy, seconds: float) -> None:
    """Has all workers of the study been there for the last time so long ago."""
    with writing(shared.engine) as connection:
        connection.execute(sa.update(workers).values(seen_at=workers.c.seen_at - seconds))


def test_the_end_of_a_search_is_told_once_whichever_process_notices_it(lab: Lab, box: Mailbox) -> None:
    shared = lab.study(3)
    work(lab, box)
    assert watched(lab).exit_code == 0
    tell_of_end(shared, gather_facts(shared), End.DONE, None, 1.0)
    [(title, text)] = box.notices
    assert title == "study: the search ended, 3 of 3 trials finished"
    assert "All 3 trials of study are finished: 3 complete." in text
    assert "is the best of 3 completed trials: validation accuracy" in text


def test_a_watcher_tells_it_where_no_worker_did(lab: Lab, box: Mailbox) -> None:
    lab.study(2)
    lab.work()
    assert box.titles == []
    assert watched(lab, "-f", "json").exit_code == 0
    assert watched(lab, "-f", "json").exit_code == 0
    assert box.titles == ["study: the search ended, 2 of 2 trials finished"]


def test_a_search_without_a_complete_trial_has_failed(lab: Lab, box: Mailbox) -> None:
    lab.acts = {slot: [{"fail": ["crash", "as told"]}] for slot in range(2)}
    lab.study(2)
    work(lab, box)
    [(title, text)] = box.notices
    assert title == "study: the search failed, 2 of 2 trials finished"
    assert "2 failed: crash: as told" in text


def test_a_launch_tells_what_ended_it_before_its_search_but_for_a_signal(lab: Lab, box: Mailbox) -> None:
    shared = lab.study(4)
    lab.work(replace(lab.context(), notifier=notifier_of({})))
    shared.ledger.order_up_to(9, lambda number: SlotOrder(seed=number))
    facts = gather_facts(shared)
    for end in (End.INTERRUPTED, End.UNFINISHED, End.DONE):
        tell_of_end(shared, facts, end, None, 60.0)
    assert box.titles == []
    tell_of_end(shared, facts, End.UNFINISHED, 30.0, 60.0)
    tell_of_end(shared, facts, End.FAILED, None, 60.0)
    (left, left_text), (failed, failed_text) = box.notices
    assert left == "study: the search was left, 4 of 9 trials finished"
    assert left_text.startswith("Ended by --timeout after 30 s.")
    assert failed == "study: failed, 4 of 9 trials finished"
    assert failed_text.startswith("No workers are left: 5 trials not done.")


def test_ten_minutes_without_a_worker_are_told_once_however_many_watch(lab: Lab, box: Mailbox) -> None:
    shared = lab.study(2)
    shared.workers.register(WorkerInfo("one", "node7", 7))
    with open_study(lab.url, NAME) as other:
        both = [StudyWatch(each, notifier_of({VARIABLE: box.url})) for each in (shared, other)]
        idle_for(shared, 590)
        assert silence_notice(shared, take_snapshot(shared), 1e6) is None
        idle_for(shared, 20)
        for watch in both:
            watch.look(take_snapshot(shared))
    [(title, text)] = box.notices
    assert title == "study: no worker for 10 minutes"
    assert text == "0/2 trials are finished, and none of the rest is being trained."


def test_a_study_that_is_paused_stopped_or_finished_misses_no_worker(lab: Lab) -> None:
    shared = lab.study(2)
    assert silence_notice(shared, take_snapshot(shared), 599.0) is None
    assert silence_notice(shared, take_snapshot(shared), 601.0) is not None
    shared.queue.set(QueuePlace(paused=True))
    assert silence_notice(shared, take_snapshot(shared), 601.0) is None
    shared.queue.set(QueuePlace())
    shared.ledger.stop("enough")
    assert silence_notice(shared, take_snapshot(shared), 601.0) is None


def test_a_notice_that_does_not_arrive_is_sent_by_the_next(
    lab: Lab, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lab.study(1)
    box.closed = True
    work(lab, box)
    assert "the notice that the study has ended couldn't be sent by SEARCH_NOTIFY" in caplog.text
    assert SECRET not in caplog.text
    box.closed = False
    assert watched(lab, "-vv").exit_code == 0
    assert box.titles == ["study: the search ended, 1 of 1 trials finished"]
    assert SECRET not in caplog.text


@pytest.mark.parametrize("verb", ["launch", "compare", "worker"])
@pytest.mark.parametrize("url", [f"nowhere://me:{SECRET}@example", f"json://localhost {SECRET}"])
def test_a_wrong_address_is_refused_without_being_said(
    verb: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = {"worker": ["--study-name", "s"], "compare": ["--space", "bn_dropout", "--axis", "batch_norm"]}
    arguments = study.get(verb, ["--space", "bn_dropout"])
    done = CliRunner(env={VARIABLE: url}).invoke(import_module(f"search.{verb}").main, [*arguments, "-vv"])
    assert done.exit_code == 2
    assert "SEARCH_NOTIFY: apprise can't send to URL" in done.output
    assert SECRET not in done.output
    assert list(tmp_path.iterdir()) == []


def test_without_apprise_it_is_said_what_to_install(lab: Lab, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.study(1)
    monkeypatch.setitem(sys.modules, "apprise", None)
    refused = watched(lab)
    assert refused.exit_code == 2
    assert "SEARCH_NOTIFY needs apprise, which isn't installed: pip install apprise" in refused.output
