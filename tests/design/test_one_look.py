"""A search that ends with an answer looks at its test images once: at the model that the answer recommends."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from search.api.result import take_result
from search.best import main as best
from search.design.answering import answer_search
from search.design.options import AnswerOptions
from search.design.racing import answer_plan
from search.design.stored_result import comparison_of
from search.host.ends import End
from search.launching.options import Answering, FinishedSearch, LaunchOptions
from search.launching.planning import make_plan
from search.launching.running import launch
from search.launching.wording import result_json, result_text
from search.report.words import summary
from search.study.class_results import stored_class_results
from search.study.race_answer import stored_answer
from search.study.test_score import (
    SEARCH,
    leave_look_to_answer,
    look_waits_for_answer,
    recorded_looks,
)
from search.views.facts import gather_facts
from search.views.study_notes import result_note
from search.workers.settings import WorkerSettings
from storage import create_study
from tests.design.test_confirm import SEARCH as NAME
from tests.design.test_confirm import finished_search
from tests.helpers.comparisons import Comparisons

OPTIONS = LaunchOptions(space="bn_dropout")


def searched(comparisons: Comparisons, trials: int, *, waits: bool) -> None:
    """A search of an epoch each, carried out by a worker that keeps models, of a launch with an answer or without."""
    workers = WorkerSettings(artifacts=comparisons.folder / "artifacts")
    options = LaunchOptions(space="bn_dropout", storage=comparisons.url, epochs=1, sampler="random", pruner="none")
    plan = make_plan(replace(options, n_trials=trials, workers=workers))
    with create_study(comparisons.url, NAME, plan.manifest) as shared:
        shared.ledger.order_up_to(trials, plan.orders.__getitem__)
        leave_look_to_answer(shared, wanted=waits)
        comparisons.run(shared, comparisons.url, workers, quiet=True)


def launched(comparisons: Comparisons, *, answer: bool = True, share: float = 1.6) -> End:
    """A launch of the search that is there."""
    workers = WorkerSettings(n_workers=1, artifacts=comparisons.folder / "artifacts")

    def give(search: FinishedSearch, share: float) -> End:
        return answer_search(replace(search, workers=workers), share, comparisons.dependencies())

    answering = Answering(share, give) if answer else None
    return launch(LaunchOptions(space="bn_dropout", storage=comparisons.url, workers=workers, answering=answering))


@pytest.fixture
def answered(comparisons: Comparisons, capsys: pytest.CaptureFixture[str]) -> Comparisons:
    """A search of ten trials whose launch was killed when they were done, and was repeated: it ended with an answer."""
    searched(comparisons, 10, waits=True)
    with comparisons.open(NAME) as shared:
        assert recorded_looks(shared) == ()
        best_one = gather_facts(shared).best
        assert best_one is not None
        assert stored_class_results(shared, best_one.number) is not None, "of the validation images, all the same"
    assert launched(comparisons) is End.DONE
    capsys.readouterr()
    return comparisons


def test_the_test_images_are_looked_at_once_everything_says_the_same_and_the_same_launch_looks_no_more(
    answered: Comparisons,
) -> None:
    with answered.open(NAME) as shared:
        facts = gather_facts(shared)
        answer = stored_answer(shared)
        note, taken = result_note(facts), take_result(shared)
    assert answer is not None
    (look,) = facts.looks
    assert (look.reason, look.look, look.study) == ("answer", 1, answer.study_name)
    assert (look.accuracy, look.n) == (answer.test_accuracy, answer.test_n)
    assert f"trial {look.trial}" == answer.recommended
    number = f"{look.accuracy:.2%} (95 %"
    told = " ".join(result_text(facts, OPTIONS).split())
    shown = CliRunner().invoke(best, ["--storage", answered.url, "--study-name", NAME], catch_exceptions=False).output
    printed = " ".join(str(taken).split())
    for text in (told, " ".join(shown.split()), " ".join(summary(facts)), note.replace("\\", ""), printed):
        assert text.count("test accuracy") == text.count(number) == text.count(" look") == 1, text
        assert "first look" in text
    document = json.loads(result_json(facts, OPTIONS, 1.0))
    assert document["test"]["accuracy"] == document["answer"]["test_accuracy"] == look.accuracy
    assert document["test"]["study"] == answer.study_name
    with answered.open(answer.study_name) as race:
        result = comparison_of(race)
    assert result is not None
    assert result.test is not None
    assert (result.test.score.look, result.test.score.accuracy) == (1, look.accuracy)
    assert launched(answered) is launched(answered, answer=False) is End.DONE
    with answered.open(NAME) as shared:
        assert recorded_looks(shared) == (look,)


def test_a_kill_between_the_race_s_look_and_its_answer_costs_no_second_look(
    comparisons: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(comparisons, 10, waits=True)
    killed = monkeypatch.context()

    def kill(*_: Any) -> None:
        raise KeyboardInterrupt

    with killed as patch:
        patch.setattr("search.design.running.store_in_search", kill)
        with pytest.raises(KeyboardInterrupt):
            launched(comparisons)
    assert launched(comparisons) is End.DONE
    with comparisons.open(NAME) as shared:
        (look,) = recorded_looks(shared)
        answer = stored_answer(shared)
    assert answer is not None
    assert answer.test_accuracy == look.accuracy
    with comparisons.open(answer.study_name) as race:
        assert len(recorded_looks(race)) == 1


def test_a_search_of_which_no_race_is_possible_looks_at_its_selected_model_after_all(
    comparisons: Comparisons, caplog: pytest.LogCaptureFixture
) -> None:
    finished_search(comparisons, {number: [0.3, 0.4, 0.9] for number in range(10)})  # no model was kept
    with caplog.at_level(logging.WARNING):
        launched(comparisons, share=0.3)
    assert "no test score of trial 0" in caplog.text
    with comparisons.open(NAME) as shared:
        assert not look_waits_for_answer(shared)


def test_a_search_without_an_answer_looks_at_its_selected_model_as_its_last_worker_ends(
    comparisons: Comparisons,
) -> None:
    searched(comparisons, 10, waits=False)
    with comparisons.open(NAME) as shared:
        (look,) = recorded_looks(shared)
        best_one = gather_facts(shared).best
    assert best_one is not None
    assert (look.trial, look.reason, look.study) == (best_one.number, SEARCH, "")


def test_an_answer_that_is_asked_for_after_a_look_says_that_its_own_is_the_second(
    comparisons: Comparisons, capsys: pytest.CaptureFixture[str]
) -> None:
    searched(comparisons, 4, waits=False)
    plan = answer_plan(comparisons.complete(AnswerOptions(seeds=4)))
    (said,) = [note for note in plan.notes if "test images" in note]
    assert said.startswith("its test images were looked at before: trial ")
    answer = comparisons.answer(seeds=4)
    assert answer["race"]["test_look"] == answer["test"]["look"] == 2
    with comparisons.open(NAME) as shared:
        first, second = recorded_looks(shared)
        facts = gather_facts(shared)
    assert (first.study, second.study) == ("", answer["race"]["study_name"])
    told = " ".join(result_text(facts, OPTIONS).split())
    assert "second look" in told
    assert f"Looks before it: trial {first.trial} {first.accuracy:.2%} (search)." in told
    capsys.readouterr()
    assert comparisons.answer(seeds=4)["race"]["test_look"] == 2, "the same command again looks no third time"
