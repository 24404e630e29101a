"""The answer of a search, as text and as JSON."""

import json
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from scipy.stats import binomtest

from search.errors import SearchFailed
from search.host.ends import End
from search.launching.next_steps import image_flags
from search.launching.options import LaunchOptions
from search.launching.running import require_success
from search.launching.wording import ended_by, result_json, result_text, unfinished_line
from search.study.snapshot import Snapshot
from search.study.test_score import TestScore as Score
from search.views.facts import StudyFacts, TrialFacts, gather_facts
from search.views.next_commands import python
from search.views.proportion import wilson_interval
from spaces.resizing import Resizing
from storage.records import Outcome, SlotCounts
from storage.testkit import bound, claimed
from tests.helpers.lab import Lab
from tests.helpers.made_up import study_facts, trial_facts

OPTIONS = LaunchOptions(space="bn_dropout")


NORMS = CategoricalDistribution(["after", "none", "before"])
RATES = FloatDistribution(0.001, 1.0, log=True)
DISTRIBUTIONS = {"batch_norm": NORMS, "learning_rate": RATES}
BEST_RATES = (0.00123456, 0.25, 0.001, 0.1, 0.1)  # of the best quarter


@pytest.fixture
def summary(lab: Lab) -> StudyFacts:
    """Twenty judged trials: of the eight with "after", five are the best quarter."""
    norms = ["after"] * 5 + ["before"] * 4 + ["none"] * 8 + ["after"] * 3
    rates = [*BEST_RATES, *[0.9] * 15]
    choices = [{"batch_norm": norm, "learning_rate": rate} for norm, rate in zip(norms, rates, strict=True)]
    trials = [
        trial_facts(number, 0.98 - number / 100, params, distributions=DISTRIBUTIONS)
        for number, params in enumerate(choices)
    ]
    counts = SlotCounts(total=8, complete=3, pruned=3, diverged=1, failed=1)
    failures = {"crash: 3 attempts in a row ended": 1}
    return study_facts(lab.study(0).manifest, trials, counts=counts, failures=failures, test=Score(0, 0.95, 0.2, 400))


def without_trials(summary: StudyFacts, stop_reason: str | None = None) -> StudyFacts:
    return replace(summary, trials=(), looks=(), snapshot=replace(summary.snapshot, stop_reason=stop_reason))


def test_the_json_has_the_counts_the_best_and_the_test_score(summary: StudyFacts) -> None:
    document = json.loads(result_json(summary, OPTIONS, 12.3456))
    assert document["trials"] == {
        "complete": 3,
        "pruned": 3,
        "diverged": 1,
        "infeasible": 0,
        "failed": 1,
        "running": 0,
        "paused": 0,
        "waiting": 0,
    }
    assert document["best"]["number"] == 0
    assert document["test"] == {"trial": 0, "accuracy": 0.95, "metrics": {}, "n": 400, "look": 1, "study": ""}
    assert document["duration_s"] == 12.346


def test_the_majoritys_share_stands_next_to_the_accuracies(summary: StudyFacts) -> None:
    counts = {"validation": (1, 32, *[0] * 8), "test": (1, 40, *[0] * 8)}
    known = replace(summary, manifest=msgspec.structs.replace(summary.manifest, class_counts=counts))
    words = " ".join(result_text(known, OPTIONS).split())
    assert f"On the validation images, always naming {summary.manifest.classes[1]} gives 96.97%." in words
    assert f"neither training nor search saw; always naming {summary.manifest.classes[1]} gives 97.56%." in words
    assert json.loads(result_json(known, OPTIONS, 1.0))["images"]["majority_share"]["test"] == pytest.approx(40 / 41)


def test_the_json_of_a_search_without_a_result_says_so(summary: StudyFacts) -> None:
    empty = without_trials(summary, "enough")
    document = json.loads(result_json(empty, OPTIONS, 1.0))
    assert (document["best"], document["test"], document["stop_reason"]) == (None, None, "enough")


def test_the_text_has_the_table_the_lessons_and_the_next_commands(summary: StudyFacts) -> None:
    text = result_text(summary, OPTIONS)
    for words in (
        "All 8 trials of demo are finished: 3 complete, 3 pruned, 1 diverged, 1 failed.",
        "0.00123",
        "Trial 0 has a test accuracy of 95.00% (95 % interval",
        "on 400 images",
        "after 5 of 8 (31-86 %)",
        "from 0.001 to 0.25 in the best quarter",
        "1 x crash: 3 attempts in a row ended",
        "so does optuna-dashboard sqlite:///search.db",
        "python -m search.launch --space bn_dropout --n-trials 20",
        "python -m search.report --study-name demo",
    ):
        assert words in text


def test_the_next_commands_can_be_pasted_whatever_the_names(summary: StudyFacts) -> None:
    options = replace(OPTIONS, study_name="my study; rm", dataset="my images", storage="sqlite:///my db.db")
    text = result_text(summary, options).replace(" \\\n   ", "")  # as a shell takes lines that end in a backslash
    assert "--storage 'sqlite:///my db.db' --study-name 'my study; rm' --dataset 'my images'" in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_none_ends_in_blanks(
    summary: StudyFacts, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = result_text(summary, OPTIONS).splitlines()
    assert max(len(line) for line in lines if sys.executable not in line) <= width  # that is one word, however long
    assert not [line for line in lines if line != line.rstrip()]


def test_the_next_commands_lead_on_to_every_door(summary: StudyFacts) -> None:
    commands = result_text(summary, OPTIONS).partition("Next:")[2]
    for verb in ("dashboard", "report", "export", "confirm", "compare", "launch"):
        assert f" -m search.{verb} " in commands.replace("\n", " \n")


def test_a_comparison_is_suggested_on_the_images_of_the_best_trial(summary: StudyFacts) -> None:
    resized = msgspec.structs.replace(summary.manifest, resizing=Resizing((96, 128), "pad"), data_dir="my data")
    assert image_flags(resized, {}) == " --image-size 96x128 --resize pad --data-dir 'my data'"
    assert image_flags(resized, {"image_size": "64"}).startswith(" --image-size 64 --resize pad")
    assert image_flags(summary.manifest, {}) == ""
    text = " ".join(result_text(replace(summary, manifest=resized), OPTIONS).replace("\\\n", " ").split())
    assert "--axis batch_norm --image-size 96x128 --resize pad --data-dir 'my data'" in text


def test_no_command_needs_a_trial_where_none_is_complete(summary: StudyFacts) -> None:
    commands = result_text(replace(without_trials(summary), snapshot=all_failed()), OPTIONS).partition("Next:")[2]
    assert "search.report" in commands
    assert not {"export", "confirm", "compare"} & {
        line.split()[2][7:] for line in commands.splitlines() if "-m" in line
    }


def all_failed() -> Snapshot:
    return Snapshot(SlotCounts(total=2, failed=2), None, 0, None, failures={"crash": 2})


def test_no_comparison_of_a_parameter_with_one_choice_is_suggested(summary: StudyFacts) -> None:
    def narrowed(trial: TrialFacts) -> TrialFacts:
        frozen = copy(trial.frozen)
        frozen.distributions = {
            name: CategoricalDistribution((frozen.params[name],)) if isinstance(frozen.params[name], str) else kind
            for name, kind in frozen.distributions.items()
        }
        return replace(trial, frozen=frozen)

    assert "--axis" in result_text(summary, OPTIONS)
    assert "--axis" not in result_text(replace(summary, trials=tuple(map(narrowed, summary.trials))), OPTIONS)


def test_the_next_commands_run_where_the_environment_is_not_active(
    summary: StudyFacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python() in (sys.executable, str(Path(sys.executable).relative_to(Path.cwd())))
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert "  python -m search.report" in result_text(summary, OPTIONS)


def test_an_unfinished_search_says_what_is_left_and_how_to_go_on(summary: StudyFacts) -> None:
    counts = SlotCounts(total=8, complete=3, waiting=5)
    text = result_text(replace(summary, snapshot=replace(summary.snapshot, counts=counts)), OPTIONS)
    assert "3 of 8 trials of demo are finished: 3 complete, 5 waiting." in text
    assert "continues where this ended" in text


def test_a_password_is_in_neither(summary: StudyFacts) -> None:
    options = replace(OPTIONS, storage="postgresql://me:geheim@host/db")
    assert "geheim" not in result_text(summary, options) + result_json(summary, options, 1.0)


def test_a_pruned_trial_is_not_the_best_however_high_its_score(lab: Lab) -> None:
    shared = lab.study(2)
    for outcome in (Outcome("pruned", 0.99, "worse", epochs=1), Outcome("complete", 0.5, epochs=3)):
        lease = claimed(shared.ledger)
        number = shared.study.ask().number
        bound(shared.ledger, lease, number)
        shared.ledger.finish(lease, outcome)
    from search.study.snapshot import find_best

    best = find_best(shared)
    assert best is not None
    assert (best.number, best.value) == (1, 0.5)


def test_of_equal_trials_the_earlier_is_the_best(lab: Lab) -> None:
    shared = lab.study(3)
    lab.acts = {slot: [{"scores": [0.5, 0.5, 0.5]}] for slot in range(3)}
    lab.work()
    best = gather_facts(shared).best
    assert best is not None
    assert best.number == 0


def test_a_search_without_a_completed_trial_has_failed_for_its_reasons(summary: StudyFacts) -> None:
    with pytest.raises(SearchFailed, match="1 x crash: 3 attempts in a row ended"):
        require_success(without_trials(summary))
    with pytest.raises(SearchFailed, match="was stopped: the disk is on fire"):
        require_success(without_trials(summary, "the disk is on fire"))


def test_the_interval_of_a_proportion_stays_within_its_bounds() -> None:
    low, high = wilson_interval(1.0, 50)
    assert 0.9 < low < high <= 1.0


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 8), (5, 8), (349, 359), (359, 359)])
def test_the_interval_of_a_proportion_is_that_of_scipy(hits: int, n: int) -> None:
    assert wilson_interval(hits / n, n) == pytest.approx(binomtest(hits, n).proportion_ci(method="wilson"), abs=1e-12)


@pytest.mark.parametrize(
    ("end", "seconds", "first"),
    [
        (End.INTERRUPTED, 5.0, "Ended by Ctrl-C."),
        (End.UNFINISHED, 5.0, "Ended by a signal to terminate."),
        (End.UNFINISHED, 60.0, "Ended by --timeout after 60 s."),
    ],
)
def test_the_first_line_says_what_ended_a_launch_before_its_search(
    summary: StudyFacts, end: End, seconds: float, first: str
) -> None:
    text = result_text(summary, OPTIONS, ended_by(end, 60.0, seconds))
    assert text.splitlines()[0] == first
    assert ended_by(End.DONE, 60.0, 61.0) == ""
    assert unfinished_line(End.UNFINISHED, 7200.0, 7201.0, 1) == (
        "Timeout: 1 trial not done after --timeout 2 h 00 min. The same command continues the search."
    )
