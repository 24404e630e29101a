"""A view of a study that is refreshed reads each result once."""

from search.study.result_log import OVERLAP_S, ResultLog
from storage.records import FinishedSlot, Outcome
from storage.study import SharedStudy
from storage.testkit import claimed, set_clock_back
from tests.helpers.lab import Lab


def finish(shared: SharedStudy) -> None:
    shared.ledger.finish(claimed(shared.ledger), Outcome("complete", 0.5))


def test_what_is_known_is_not_read_again_and_what_comes_late_is_not_missed(lab: Lab) -> None:
    shared = lab.study(4)
    log = ResultLog(shared.ledger)
    assert log.read(0) == []
    finish(shared)
    set_clock_back(shared, -2 * OVERLAP_S)  # it was a while ago
    finish(shared)
    assert [done.slot for done in log.read(2)] == [0, 1]
    asked = list[float | None]()
    read = shared.ledger.outcomes

    def noted(*_: object, since: float | None = None) -> list[FinishedSlot]:
        asked.append(since)
        return read(since=since)

    shared.ledger.outcomes = noted  # type: ignore[method-assign,assignment]
    finish(shared)
    assert [done.slot for done in log.read(3)] == [0, 1, 2]
    assert len(asked) == 1
    assert [done.slot for done in read(since=asked[0])] == [1, 2]


def test_results_of_a_clock_that_was_set_back_are_read_all_the_same(lab: Lab) -> None:
    shared = lab.study(2)
    log = ResultLog(shared.ledger)
    finish(shared)
    assert len(log.read(1)) == 1
    set_clock_back(shared, 2 * OVERLAP_S)
    finish(shared)
    assert sorted(done.slot for done in log.read(2)) == [0, 1]
