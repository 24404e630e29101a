"""The answer that workers give of a search that no launch waits for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner

from search import worker
from search.design import due_answers
from search.design.answering import answer_search
from search.design.confusion import evaluator
from search.design.due_answers import TASK, answer_if_due
from search.host.ends import End
from search.launching.options import Answering, LaunchOptions
from search.launching.running import launch
from search.study.due_answer import due_share, is_left_to_workers, leave_answer_to_workers
from search.study.race_answer import stored_answer
from search.study.test_score import leave_look_to_answer, look_waits_for_answer, recorded_looks
from search.workers.settings import WorkerSettings
from storage.duty import Duty
from tests.design.test_answer import search_of
from tests.design.test_confirm import SEARCH
from tests.helpers.comparisons import Comparisons

VALUES = [0.9, 0.95, 0.94, *[0.2] * 7]
RACE = f"{SEARCH}-answer-10"


@pytest.fixture
def left(comparisons: Comparisons) -> Comparisons:
    """A finished search whose launch was detached: its answer is left to the workers."""
    search_of(comparisons, VALUES)
    with comparisons.open(SEARCH) as shared:
        leave_look_to_answer(shared, wanted=True)
        leave_answer_to_workers(shared, 4.0)
    return comparisons


def answer(comparisons: Comparisons, before_each: Callable[[], End | None] = lambda: None) -> End:
    """What a process does whose workers have found nothing left to do."""

    def run(url: str, name: str, workers: WorkerSettings) -> End:
        if (end := before_each()) is not None:
            return end
        with comparisons.open(name) as race:
            return comparisons.run(race, url, workers, quiet=True)

    settings = WorkerSettings(artifacts=comparisons.folder / "artifacts", wait=0.0)
    return answer_if_due(comparisons.url, SEARCH, settings, run, partial(evaluator, command=comparisons.stub()))


def trained(comparisons: Comparisons) -> int:
    with comparisons.open(RACE) as race:
        return race.ledger.counts().complete


def test_workers_race_the_best_trials_once_and_look_at_the_test_images_once(left: Comparisons) -> None:
    assert answer(left) is End.DONE
    with left.open(SEARCH) as shared:
        found = stored_answer(shared)
        assert found is not None
        assert (found.study_name, found.trials) == (RACE, 10)
        assert due_share(shared) is None
        looks = recorded_looks(shared)
    raced = list(left.worked)
    assert raced
    assert answer(left) is End.DONE
    assert left.worked == raced
    with left.open(SEARCH) as shared:
        assert recorded_looks(shared) == looks


def test_one_that_is_told_to_leave_or_killed_in_between_leaves_the_rest_to_another(left: Comparisons) -> None:
    ends = iter([None, End.UNFINISHED])
    assert answer(left, lambda: next(ends)) is End.UNFINISHED
    before = trained(left)
    assert before > 0

    def crash() -> End | None:
        raise SystemError("killed")

    with pytest.raises(SystemError):
        answer(left, crash)
    assert answer(left) is End.DONE
    with left.open(SEARCH) as shared:
        assert stored_answer(shared) is not None
        assert len(recorded_looks(shared)) <= 1
    assert trained(left) > before


def test_others_take_part_while_one_leads_and_one_of_them_takes_over(
    left: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = iter([End.UNFINISHED])
    assert answer(left, lambda: next(ends)) is End.UNFINISHED  # it has ordered the first trainings
    with left.open(SEARCH) as shared:
        assert Duty(shared.engine, shared.key, TASK).take()
        taken = list[int]()

        def give_up() -> None:
            """The leader is killed, while another trains for it."""
            taken.append(trained(left))
            if len(taken) == 1:
                monkeypatch.setattr(Duty, "take", lambda duty, take=Duty.take: take(duty, -1.0))

        assert answer(left, give_up) is End.DONE
        assert taken[0] == 0
        assert trained(left) > 0
        assert stored_answer(shared) is not None


def test_a_search_that_can_have_no_answer_has_its_one_look_after_all(
    comparisons: Comparisons, caplog: pytest.LogCaptureFixture
) -> None:
    search_of(comparisons, [0.9, 0.1])
    with comparisons.open(SEARCH) as shared:
        leave_look_to_answer(shared, wanted=True)
        leave_answer_to_workers(shared, 0.3)
        assert answer(comparisons) is End.DONE
        assert not look_waits_for_answer(shared)
        assert not is_left_to_workers(shared)
    assert "no answer with error bars: 2 trials of" in caplog.text
    assert comparisons.worked == []


@pytest.mark.parametrize("wanted", [True, False], ids=["--answer on", "--answer off"])
def test_a_launch_that_has_a_cluster_work_leaves_the_answer_to_the_workers_if_one_is_wanted(
    comparisons: Comparisons, wanted: bool
) -> None:
    workers = WorkerSettings(n_workers=0, artifacts=comparisons.folder / "artifacts")
    answering = Answering(0.3, answer_search) if wanted else None
    given: dict[str, Any] = {"space": "bn_dropout", "storage": comparisons.url, "n_trials": 12, "workers": workers}
    launch(LaunchOptions(**given, placed=lambda _: End.DONE, answering=answering))
    with comparisons.open(SEARCH) as shared:
        assert is_left_to_workers(shared) is wanted
        assert look_waits_for_answer(shared) is wanted
        assert due_share(shared) is None, "not before its trials are done"


@pytest.mark.parametrize(("end", "asked"), [(End.DONE, 1), (End.UNFINISHED, 0)])
def test_a_worker_command_asks_for_an_answer_when_nothing_is_left_to_do(
    end: End, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = list[str]()

    def note(_url: str, name: str, _settings: WorkerSettings) -> End:
        asking.append(name)
        return End.DONE

    monkeypatch.setattr("search.workers.running.run_workers", lambda *_: end)
    monkeypatch.setattr(due_answers, "answer_if_due", note)
    CliRunner().invoke(worker.main, ["--study-name", "S", "--n-workers", "1", "--storage", "sqlite:///none.db"])
    assert asking == ["S"] * asked
