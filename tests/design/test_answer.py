"""The answer of a search: its best trials race, and arms that are shown worse leave."""

import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from search.api.run import load
from search.best import main as best
from search.design.answering import answer_search
from search.design.options import AnswerOptions
from search.design.racing import answer_plan, run_answer
from search.errors import UsageError
from search.host.ends import End
from search.launching.options import Answering, FinishedSearch, LaunchOptions
from search.launching.planning import make_plan
from search.launching.running import launch
from search.launching.wording import result_json, result_text
from search.report.search_page import search_page
from search.study.race_answer import store_answer, stored_answer
from search.study.test_score import stored_test_score
from search.views.answer_sentences import answer_sentences
from search.views.facts import gather_facts
from search.workers.settings import WorkerSettings
from storage import SharedStudy, create_study
from tests.design.test_confirm import SEARCH, finished_search
from tests.helpers.comparisons import Comparisons

BASELINE = "baseline base"


def search_of(comparisons: Comparisons, values: Sequence[float]) -> None:
    """A finished search whose trials had these validation accuracies."""
    finished_search(comparisons, {number: [0.3, 0.4, value] for number, value in enumerate(values)})


def racing(scores: Mapping[int, Sequence[float]]) -> dict[int, list[dict[str, Any]]]:
    """What the stub does so that the arms get these scores in a race of this many arms, also where arms have left."""
    arms = len(scores)
    return {
        replicate * arms + arm: [{"scores": [0.5, 0.6, value]}]
        for arm, values in scores.items()
        for replicate, value in enumerate(values)
    }


def test_a_race_says_which_trials_cannot_be_told_from_the_best_and_what_is_gained(comparisons: Comparisons) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94, 0.2])
    steps = [0.0, 0.01, 0.02, 0.01, 0.0, 0.02]
    comparisons.acts = racing(
        {
            0: [0.92 + step for step in steps],
            1: [0.93 - step / 2 for step in steps],
            2: [0.91 + step / 3 for step in steps],
            3: [0.85 + step / 2 for step in steps],
        }
    )
    answer = comparisons.answer(top=3, seeds=6)
    assert [(arm["name"], arm["n"]) for arm in answer["arms"]] == [
        ("trial 1", 6), ("trial 2", 6), ("trial 0", 6), (BASELINE, 6),
    ]  # fmt: skip
    raced = answer["race"]
    assert [one["name"] for one in raced["candidates"]] == ["trial 1", "trial 2", "trial 0"]
    assert raced["gain"]["reference"] == BASELINE
    assert raced["gain"]["interval"]["low"] < raced["gain"]["difference"] < raced["gain"]["interval"]["high"]
    assert raced["end"] == "spent"
    assert raced["test_look"] == 1
    with comparisons.open(f"{SEARCH}-answer-4") as shared:
        score = stored_test_score(shared)
        assert score is not None
        assert score.accuracy == raced["test_accuracy"]
    with comparisons.open(SEARCH) as shared:
        stored = stored_answer(shared)
        assert stored is not None
        assert msgspec.json.decode(msgspec.json.encode(stored)) == raced
        first, second, third, fourth, fifth = answer_sentences(stored, shared.manifest.goal)
    assert "3 trials" in first
    assert second.startswith(f"Recommended is {raced['recommended']}, the cheapest of these")
    assert third.startswith("It gains over the baseline base: +")
    assert "of optimism" in fourth
    assert "first look, on 100 images" in fifth


def interrupted_at_the_second_look(comparisons: Comparisons, options: AnswerOptions) -> End:
    """Carries out a race, whose workers are told to leave when the first look is done."""
    looks = 0

    def run(shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:
        nonlocal looks
        looks += 1
        return End.UNFINISHED if looks > 1 else comparisons.run(shared, url, workers, quiet=quiet)

    dependencies = replace(comparisons.dependencies(), run=run)
    end = run_answer(comparisons.complete(options), dependencies)
    assert looks == 2
    return end


def test_an_arm_that_is_shown_worse_leaves_and_the_others_go_on(comparisons: Comparisons) -> None:
    """Far behind, it leaves at the first look that can show anything; its later slots are never ordered, also not when
    the race is continued.
    """
    search_of(comparisons, [0.9, 0.95, 0.94])
    steps = [0.00, 0.01, 0.02, 0.01, 0.03, 0.02, 0.0, 0.01]
    scores = {
        0: [0.92 + step for step in steps],
        1: [0.92 + step + (0.004 if place % 2 else -0.004) for place, step in enumerate(steps)],
        2: [0.5 + step / 2 for step in steps],
        3: [0.6 + step for step in steps],
    }
    comparisons.acts = racing(scores)
    assert interrupted_at_the_second_look(comparisons, AnswerOptions(top=3, seeds=8, margin=0.1)) is End.UNFINISHED
    answer = comparisons.answer(top=3, seeds=8, margin=0.1)
    counts = {arm["name"]: arm["n"] for arm in answer["arms"]}
    assert counts["trial 1"] == counts["trial 2"] == counts[BASELINE] == 8
    assert counts["trial 0"] == 7
    raced = answer["race"]
    assert [one["left"] for one in raced["candidates"]] == [True, True, False]
    assert raced["trainings"] == sum(counts.values())
    trained = list(comparisons.worked)
    assert comparisons.answer(top=3, seeds=8, margin=0.1) == answer
    assert len(comparisons.worked) > len(trained)  # workers came, and found nothing to do
    with comparisons.open(f"{SEARCH}-answer-3") as shared:
        assert all(slot.token == 1 for slot in shared.ledger.slots())


def test_a_candidate_that_is_the_baseline_is_not_trained_twice(comparisons: Comparisons) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94])
    plan = answer_plan(comparisons.complete(AnswerOptions(seeds=4)))
    assert plan.comparison.reference == BASELINE
    assert plan.comparison.candidates == ("trial 1", "trial 2", "trial 0")
    assert len(plan.comparison.arms) == 4


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ([0.9, 0.8], {}, "2 trials of bn_dropout-digits are finished: an answer takes 3"),
        ([0.9, 0.1, 0.1], {"seeds": 4}, "1 different trials that are better than guessing"),
        ([0.9, 0.8, 0.7, 0.6], {}, "0.3 of the search's epochs is 1 whole trainings, and a race takes 12"),
        ([0.9, 0.8, 0.7], {"seeds": 3}, "4 replicates, and has 3 and 3"),
        ([0.9, 0.8, 0.7], {"seeds": 4, "margin": 0.0}, "margin"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_anything_is_made(
    comparisons: Comparisons, values: Sequence[float], options: dict[str, Any], words: str
) -> None:
    search_of(comparisons, values)
    with pytest.raises(UsageError, match=words):
        comparisons.answer(**options)
    assert comparisons.worked == []


def test_fewer_trials_race_than_asked_for_if_there_are_no_more_or_no_epochs(comparisons: Comparisons) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94])
    plan = answer_plan(comparisons.complete(AnswerOptions(top=8, seeds=4)))
    assert any("3 trials race, fewer than --top 8" in note for note in plan.notes)
    shared = answer_plan(comparisons.complete(AnswerOptions(answer_share=4.0)))
    assert len(shared.comparison.candidates) == 2
    assert shared.comparison.last_look.replicates == 4


def test_without_a_search_there_is_nothing_to_answer(comparisons: Comparisons) -> None:
    plan = make_plan(LaunchOptions(space="bn_dropout", storage=comparisons.url, epochs=1))
    create_study(comparisons.url, SEARCH, plan.manifest).close()
    with pytest.raises(UsageError, match="0 trials of bn_dropout-digits are finished"):
        comparisons.answer()


class Ended:
    """What a launch of a finished search did about its answer."""

    def __init__(self, comparisons: Comparisons, capture: pytest.CaptureFixture[str], **options: Any) -> None:
        self.asked = list[FinishedSearch]()
        workers = WorkerSettings(n_workers=1, artifacts=comparisons.folder / "artifacts")

        def give(search: FinishedSearch, share: float) -> End:
            self.asked.append(search)
            return answer_search(replace(search, workers=workers), share, comparisons.dependencies())

        given: dict[str, Any] = {"answering": Answering(4.0, give), **options}
        capture.readouterr()
        self.end = launch(LaunchOptions(space="bn_dropout", storage=comparisons.url, workers=workers, **given))
        self.told = capture.readouterr()


def test_a_launch_of_ten_trials_ends_with_the_answer_once(
    comparisons: Comparisons, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94, *[0.2] * 7])
    ended = Ended(comparisons, capsys)
    assert ended.end is End.DONE
    assert "trial 1, trial 2, trial 0 and baseline base race on up to" in ended.told.err
    assert "Answer\nThe best 3 trials can't be told apart" in ended.told.out
    again = Ended(comparisons, capsys, format_="json", quiet=True)
    assert again.asked == []
    assert json.loads(again.told.out)["answer"]["study_name"] == f"{SEARCH}-answer-10"
    told = CliRunner().invoke(best, ["--storage", comparisons.url, "--study-name", SEARCH], catch_exceptions=False)
    assert "Recommended is trial" in told.output
    assert "finished since" not in told.output
    with comparisons.open(SEARCH) as shared:
        answer = stored_answer(shared)
        assert answer is not None
        store_answer(shared, msgspec.structs.replace(answer, trials=8))  # as if it was from before the last two
        facts = gather_facts(shared)
    arguments = ["--storage", comparisons.url, "--study-name", SEARCH]
    behind = "The answer is from 8 trials; 2 more have finished since"
    assert behind in " ".join(CliRunner().invoke(best, arguments, catch_exceptions=False).output.split())
    assert json.loads(CliRunner().invoke(best, [*arguments, "-f", "json"]).stdout)["trials_since_answer"] == 2
    options = LaunchOptions(space="bn_dropout")
    assert behind in " ".join(result_text(facts, options).split())
    assert json.loads(result_json(facts, options, 1.0))["trials_since_answer"] == 2
    assert behind in search_page(facts)


def test_a_larger_race_of_the_same_search_takes_a_name_of_its_own(comparisons: Comparisons) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94])
    comparisons.answer(top=2, seeds=4)
    with pytest.raises(UsageError, match=r"was of trial 1, trial 2, baseline base, .* under another --study-name$"):
        comparisons.answer(top=3, seeds=4)
    again = comparisons.answer(top=3, seeds=4, study_name="larger-race")
    assert [one["name"] for one in again["race"]["candidates"]] == ["trial 1", "trial 2", "trial 0"]


def test_a_search_that_ended_with_a_race_needs_no_name_until_there_is_another_study(comparisons: Comparisons) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94])
    comparisons.answer(top=2, seeds=4)
    told = CliRunner().invoke(best, ["--storage", comparisons.url], catch_exceptions=False)
    assert told.exit_code == 0
    assert "Recommended is trial" in told.output
    assert load(storage=comparisons.url).best == load(SEARCH, storage=comparisons.url).best
    comparisons.compare(axis="batch_norm", seeds=2)
    refused = CliRunner().invoke(best, ["--storage", comparisons.url])
    assert refused.exit_code == 2
    assert f"holds 3 studies: give one with --study-name: {SEARCH}, {SEARCH}-answer-3, " in refused.output
    with pytest.raises(UsageError, match=f"name the study: there are {SEARCH}, {SEARCH}-answer-3, "):
        load(storage=comparisons.url)


def test_an_interrupt_before_the_race_trains_leaves_the_answer_out_and_gives_the_result(
    comparisons: Comparisons, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the race is planned, none has taken signals for itself yet."""
    search_of(comparisons, [0.9, 0.95, 0.94, *[0.2] * 7])

    def interrupted(search: FinishedSearch, share: float) -> End:
        signal.raise_signal(signal.SIGINT)
        return answer_search(search, share, comparisons.dependencies())

    ended = Ended(comparisons, capsys, answering=Answering(4.0, interrupted))
    assert ended.end is End.INTERRUPTED
    assert ended.told.out.startswith("All 10 trials of bn_dropout-digits are finished")
    assert ended.told.err.splitlines()[-1].startswith("Interrupted: the answer isn't done. The same command")
    assert Ended(comparisons, capsys).end is End.DONE


def test_one_worker_and_one_seed_give_the_same_answer_twice(comparisons: Comparisons) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94])
    database = Path(comparisons.url.removeprefix("sqlite:///"))
    other = comparisons.folder / "other"
    other.mkdir()
    twin = replace(comparisons, url=f"sqlite:///{shutil.copy(database, other / 'twin.db')}", folder=other)
    answers = [told.answer(top=3, seeds=6) for told in (comparisons, twin)]
    for answer in answers:
        for one in answer["race"]["candidates"]:
            one["epoch_seconds"] = None  # measured
        answer["test"]["at"] = None
    assert answers[0] == answers[1]


def test_a_smaller_search_ends_without_and_one_without_epochs_for_it_says_what_is_missing(
    comparisons: Comparisons, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94, *[0.2] * 6])
    assert Ended(comparisons, capsys).asked == []
    with comparisons.open(SEARCH) as shared:
        said = list[str]()
        search = FinishedSearch(shared, comparisons.url, WorkerSettings(), quiet=True, say=said.append)
        assert answer_search(search, 0.3) is End.DONE
    (line,) = said
    assert "is 2 whole trainings, and a race takes 12" in line
    assert "--answer-share 1.34 is enough" in line


def test_a_race_judged_at_any_time_ends_with_the_first_replicate_at_which_all_others_are_shown_worse(
    comparisons: Comparisons,
) -> None:
    search_of(comparisons, [0.9, 0.95, 0.94])
    steps = [0.00, 0.01, 0.02, 0.01, 0.03, 0.02, 0.0, 0.01, 0.02, 0.0]
    scores = {arm: [mean + step for step in steps] for arm, mean in enumerate([0.92, 0.52, 0.42, 0.6])}
    comparisons.acts = racing(scores)
    answer = comparisons.answer(top=3, seeds=10, margin=2.0, anytime=True)
    assert (answer["anytime"], answer["wrong_verdict_at_most"]) == (True, 0.05)
    raced = answer["race"]
    assert [one["left"] for one in raced["candidates"]] == [True, False, False]
    assert (raced["end"], raced["level"]) == ("one left", 0.05)
    assert 6 <= raced["replicates"] < 10
    assert raced["trainings"] == 4 * raced["replicates"]


def test_a_race_whose_candidates_have_no_replicates_in_common_ends_without_an_answer(comparisons: Comparisons) -> None:
    """Of each of the two, the replicates failed that the other has."""
    search_of(comparisons, [0.9, 0.95, 0.94])
    comparisons.acts = racing({arm: [0.9, 0.91, 0.92, 0.93] for arm in range(3)})
    for slot in (0, 3, 7, 10):
        comparisons.acts[slot] = [{"fail": ["data_error", "the disk is on fire"]}]
    answer = comparisons.answer(top=2, seeds=4)
    assert answer["race"] is None
    assert [(arm["name"], arm["n"]) for arm in answer["arms"]] == [("trial 1", 2), ("trial 2", 2), (BASELINE, 4)]
