"""Comparisons end to end, on the ledger that searches use, with a stub in the place of Keras."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from search.compare import main
from search.design.options import CompareOptions
from search.design.plans import make_plans
from search.design.report import comparison_document
from search.design.stored_result import comparison_of
from search.errors import SearchFailed, UsageError
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.report.comparison_page import comparison_page
from search.views.facts import gather_facts
from search.workers.settings import WorkerSettings
from storage.errors import ManifestMismatch
from tests.helpers.comparisons import Comparisons, scores_by_arm

NAME = "bn_dropout-digits-compare-batch_norm"
ARMS = ["none", "before_activation", "after_activation"]
TWO: dict[str, Any] = {"axis": "batch_norm", "choices": ("none", "before_activation")}


def test_an_axis_is_compared_on_common_replicates(comparisons: Comparisons) -> None:
    answer = comparisons.compare(axis="batch_norm", seeds=3)
    assert [arm["name"] for arm in answer["arms"]] == ARMS
    assert [arm["n"] for arm in answer["arms"]] == [3, 3, 3]
    assert [(pair["first"], pair["second"]) for pair in answer["pairs"]] == [
        ("none", "before_activation"),
        ("none", "after_activation"),
        ("before_activation", "after_activation"),
    ]
    assert answer["complete"]
    assert answer["fewest"] == 7
    assert {pair["verdict"] for pair in answer["pairs"]} == {"undecided"}


def test_replicates_share_their_random_numbers_and_differ_from_each_other(comparisons: Comparisons) -> None:
    comparisons.compare(axis="batch_norm", seeds=3)
    with comparisons.open(NAME) as shared:
        slots = shared.ledger.slots()
    assert [slot.params for slot in slots] == [{"arm": arm} for arm in ARMS * 3]
    seeds = [(slot.seed, slot.settings.split_seed) for slot in slots]
    assert seeds[0] == seeds[1] == seeds[2]
    assert len(set(seeds)) == 3
    assert len({split for _, split in seeds}) == 3
    assert [slot.settings.replicate for slot in slots] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_figures_and_confusion_matrices_are_stored_with_the_study(comparisons: Comparisons) -> None:
    answer = comparisons.compare(axis="batch_norm", seeds=2)
    assert [len(arm["confusion"]) for arm in answer["arms"]] == [10, 10, 10]
    with comparisons.open(NAME) as shared:
        kept = " ".join(shared.trials.storage.get_study_system_attrs(shared.study_id))
    for figure in ("arms", "pairs", "curves", "confusion-0", "confusion-1", "confusion-2"):
        assert f"comparison-{figure}" in kept


def test_a_report_on_the_study_gives_the_same_answer(comparisons: Comparisons) -> None:
    answer = comparisons.compare(axis="batch_norm", seeds=2)
    with comparisons.open(NAME) as shared:
        reported = comparison_of(shared)
        assert reported is not None
        page = comparison_page(gather_facts(shared), reported)
    assert json.loads(json.dumps(comparison_document(reported))) == answer
    assert reported.comparison.question in page


def test_a_comparison_that_is_done_is_told_again_without_training(comparisons: Comparisons) -> None:
    first = comparisons.compare(axis="batch_norm", seeds=2)
    with comparisons.open(NAME) as shared:
        finished = [slot.finished_at for slot in shared.ledger.outcomes()]
    again = comparisons.compare(axis="batch_norm", seeds=2)
    with comparisons.open(NAME) as shared:
        assert [slot.finished_at for slot in shared.ledger.outcomes()] == finished
    assert again == first


def test_any_worker_can_carry_out_what_a_comparison_ordered(comparisons: Comparisons) -> None:
    no_workers = WorkerSettings(n_workers=0)
    ordered = comparisons.compare(axis="batch_norm", seeds=2, workers=no_workers)
    assert not ordered["complete"]
    with comparisons.open(NAME) as shared:
        comparisons.run(shared, comparisons.url, WorkerSettings(artifacts=comparisons.folder / "artifacts"), quiet=True)
    assert comparisons.compare(axis="batch_norm", seeds=2, workers=no_workers)["complete"]


def test_training_that_diverges_counts_as_guessing_and_is_named(comparisons: Comparisons) -> None:
    comparisons.acts = scores_by_arm({0: [0.90, 0.91], 1: [0.95, 0.96]})
    comparisons.acts[2] = [{"diverge_at": 1}]
    answer = comparisons.compare(**TWO, seeds=2)
    poorer = answer["arms"][0]
    assert poorer["scores"]["1"] == pytest.approx(0.1)
    assert [(one["replicate"], one["arm"]) for one in poorer["diverged"]] == [(1, "none")]
    assert poorer["n"] == 2


def test_a_trial_that_fails_is_left_out_of_its_pairs_and_named(comparisons: Comparisons) -> None:
    comparisons.acts = {3: [{"fail": ["data_error", "the disk is on fire"]}]}
    answer = comparisons.compare(**TWO, seeds=3)
    assert [arm["n"] for arm in answer["arms"]] == [3, 2]
    assert answer["pairs"][0]["n"] == 2
    assert answer["arms"][1]["failed"] == [
        {"arm": "before_activation", "replicate": 1, "reason": "the disk is on fire"}
    ]


def test_a_comparison_in_which_everything_fails_is_a_failure(comparisons: Comparisons) -> None:
    comparisons.acts = {slot: [{"fail": ["data_error", "no images"]}] for slot in range(4)}
    with pytest.raises(SearchFailed, match="no images"):
        comparisons.compare(**TWO, seeds=2)


def test_until_decided_ends_with_the_first_look_that_decides(comparisons: Comparisons) -> None:
    spread = [0.001 * (replicate % 3) for replicate in range(30)]
    comparisons.acts = scores_by_arm({0: [0.8 + part for part in spread], 1: [0.9 - part for part in spread]})
    answer = comparisons.compare(**TWO, seeds=6, until_decided=True, max_seeds=10)
    looks = [look.replicates for look in planned(comparisons, seeds=6, until_decided=True, max_seeds=10)]
    assert answer["replicates"] == looks[0] < looks[-1]
    assert answer["pairs"][0]["verdict"] == "worse"
    assert answer["level"] < 0.05
    assert answer["arms"][0]["n"] == looks[0]


def test_until_decided_adds_replicates_up_to_the_most_allowed(comparisons: Comparisons) -> None:
    alternating = [0.9 + 0.05 * (replicate % 2) for replicate in range(10)]
    comparisons.acts = scores_by_arm({0: alternating, 1: list(reversed(alternating))})
    answer = comparisons.compare(**TWO, seeds=6, until_decided=True, max_seeds=10)
    assert answer["replicates"] == 10
    assert not answer["decided"]


def planned(comparisons: Comparisons, **options: Any) -> Any:
    (plan,) = make_plans(comparisons.complete(CompareOptions(space="bn_dropout", **TWO, **options)))
    return plan.comparison.looks


def test_each_arm_is_tuned_with_the_same_budget_and_compared_on_fresh_seeds(comparisons: Comparisons) -> None:
    answer = comparisons.compare(**TWO, seeds=2, tune=2)
    name = f"{NAME}-tuned"
    assert comparisons.worked == [f"{name}-none", f"{name}-before_activation", name]
    tuned_on, params = set[int](), {}
    for arm in ("none", "before_activation"):
        with comparisons.open(f"{name}-{arm}") as shared:
            trials = shared.study.get_trials(deepcopy=False)
            assert {trial.params["batch_norm"] for trial in trials} == {arm}
            assert len(trials) == 2
            params[arm] = shared.study.best_params
            tuned_on |= {slot.seed for slot in shared.ledger.slots()}
    assert {arm["name"]: arm["params"] for arm in answer["arms"]} == params
    with comparisons.open(name) as shared:
        assert not tuned_on & {slot.seed for slot in shared.ledger.slots()}
    no_workers = WorkerSettings(n_workers=0)
    assert comparisons.compare(**TWO, seeds=2, tune=2, workers=no_workers) == answer


def test_what_is_left_of_the_axis_are_the_arms_and_what_is_fixed_is_in_all(
    comparisons: Comparisons,
) -> None:
    flags = {"only": ("batch_norm=none,after_activation",), "fixed": ("optimizer=rmsprop", "learning_rate=0.01")}
    answer = comparisons.compare(axis="batch_norm", seeds=2, **flags)
    assert [arm["name"] for arm in answer["arms"]] == ["none", "after_activation"]
    assert {arm["configuration"]["optimizer"]["learning_rate"] for arm in answer["arms"]} == {0.01}
    assert answer["at"] == "baseline base, optimizer=rmsprop, learning_rate=0.01"
    rates = comparisons.compare(axis="dropout_rate", at="baseline:dropout", seeds=2, only=("dropout_rate=0.1,0.5",))
    assert [arm["name"] for arm in rates["arms"]] == ["0.1", "0.5"]


def test_each_arm_is_tuned_within_what_is_left_of_the_space(comparisons: Comparisons) -> None:
    left: dict[str, Any] = {"only": ("optimizer=adam",), "ranges": ("learning_rate=1e-4:1e-3",)}
    comparisons.compare(**TWO, **left, seeds=2, tune=2)
    for arm in ("none", "before_activation"):
        with comparisons.open(f"{NAME}-tuned-{arm}") as shared:
            found = [trial.params for trial in shared.study.get_trials(deepcopy=False)]
        assert {params["optimizer"] for params in found} == {"adam"}
        assert all(1e-4 <= params["learning_rate"] <= 1e-3 for params in found)
    with pytest.raises(ManifestMismatch, match="optimizer"):
        make_plans(comparisons.complete(CompareOptions(space="bn_dropout", epochs=1, **TWO, seeds=2, tune=2)))


def test_configurations_in_files_are_compared(comparisons: Comparisons, tmp_path: Path) -> None:
    paths = []
    for name in ("relu", "tanh"):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(f'{{"activation": "{name}"}}')
    answer = comparisons.compare(space=None, arms=tuple(paths), seeds=2)
    assert [arm["configuration"]["activation"] for arm in answer["arms"]] == ["relu", "tanh"]
    assert answer["study_name"] == "compare-relu-vs-tanh-digits"


def test_what_a_comparison_lacks_of_a_baseline_can_be_set(comparisons: Comparisons) -> None:
    answer = comparisons.compare(
        axis="dropout_position",
        choices=("before_normalization", "after_normalization"),
        settings=("dropout_rate=0.25", "batch_norm=before_activation"),
        seeds=2,
    )
    rates = [arm["configuration"]["dropout"] for arm in answer["arms"]]
    assert rates == [
        [{"position": "before_normalization", "rate": 0.25}],
        [{"position": "after_normalization", "rate": 0.25}],
    ]


def test_other_arms_under_the_same_name_are_refused_with_what_differs(comparisons: Comparisons) -> None:
    comparisons.compare(axis="batch_norm", seeds=2)
    with pytest.raises(ManifestMismatch) as refused:
        comparisons.compare(**TWO, seeds=2, study_name=NAME)
    assert "arms: the study has 'none, before_activation, after_activation'" in str(refused.value)
    with pytest.raises(ManifestMismatch, match="arm none: the study has"):
        comparisons.compare(axis="batch_norm", seeds=2, settings=("optimizer=sgd",))


def test_a_comparison_s_manifest_keeps_the_whole_design(comparisons: Comparisons) -> None:
    comparisons.compare(axis="batch_norm", seeds=2)
    with comparisons.open(NAME) as shared:
        stored = shared.manifest
    assert stored.comparison is not None
    assert stored.comparison.arm_names == tuple(ARMS)
    assert stored.comparison.at == "baseline base"
    assert stored.pruner == "none"
    assert type(stored).from_json(stored.to_json()) == stored
    old = {name: value for name, value in msgspec.to_builtins(stored).items() if name not in ("comparison", "fixed")}
    assert type(stored).from_json(msgspec.json.encode(old).decode()).comparison is None


def test_a_launch_leaves_a_comparison_alone_and_says_how_to_go_on_with_it(comparisons: Comparisons) -> None:
    comparisons.compare(**TWO, seeds=2)
    asked = LaunchOptions(space="bn_dropout", storage=comparisons.url, study_name=NAME)
    with pytest.raises(UsageError, match="is a comparison: continue it with the command that created it"):
        make_plan(asked)


def test_none_stops_early_where_all_would(comparisons: Comparisons) -> None:
    given: dict[str, Any] = {"axis": "penalty", "choices": ("none", "l2"), "space": "regularization"}
    shared = make_plans(comparisons.complete(CompareOptions(**given, settings=("early_stopping=stop",))))
    own = make_plans(comparisons.complete(CompareOptions(space="regularization", axis="early_stopping")))
    assert all("early_stopping" not in arm.configuration for arm in shared[0].comparison.arms)
    assert "stop early" in shared[0].notes[-1]
    assert any("early_stopping" in arm.configuration for arm in own[0].comparison.arms)


def test_the_answer_is_a_table_and_a_page_with_what_it_takes_to_repeat_it(
    comparisons: Comparisons, tmp_path: Path
) -> None:
    comparisons.compare(axis="batch_norm", seeds=2)
    flags = ["--space", "bn_dropout", "--axis", "batch_norm", "--seeds", "2", "--epochs", "1", "--n-workers", "0"]
    page = tmp_path / "page.md"
    told = CliRunner().invoke(
        main, [*flags, "--storage", comparisons.url, "-q", "-o", str(page)], catch_exceptions=False
    )
    assert told.exit_code == 0
    assert "0 of 3 pairs are decided" in told.output
    assert max(len(line) for line in told.output.splitlines() if "─" in line) <= 120
    again = [*flags, "--storage", comparisons.url, "-q", "-o", str(page)]
    assert CliRunner().invoke(main, again, catch_exceptions=False).exit_code == 2
    assert CliRunner().invoke(main, [*again, "--force"], catch_exceptions=False).exit_code == 0
    text = page.read_text()
    for words in ("- Command: `python -m search.", "- Versions: ", "optuna ", "- Device: ", "| first | second | n |"):
        assert words in text
    assert "| 1 | " in text.partition("Scores by replicate")[2]


def test_the_answer_is_a_table_for_a_paper_or_for_another_program(comparisons: Comparisons) -> None:
    answer = comparisons.compare(**TWO, seeds=3)
    flags = ["--space", "bn_dropout", "--axis", "batch_norm", "--choices", "none,before_activation", "--seeds", "3"]
    flags += ["--epochs", "1", "--n-workers", "0", "--storage", comparisons.url]
    printed = {form: CliRunner().invoke(main, [*flags, "-q", "-f", form]).stdout for form in ("csv", "md", "latex")}
    [line] = csv.DictReader(io.StringIO(printed["csv"]))
    [pair] = answer["pairs"]
    assert float(line["difference"]) == pair["difference"]
    assert (line["interval_low"], line["bootstrap_low"]) == (repr(pair["interval"]["low"]), "")
    assert (line["study"], line["n"], line["verdict"]) == (NAME, "3", "undecided")
    assert printed["md"].startswith(f"# {NAME}\n")
    assert r"before\_activation & 3 &" in printed["latex"]
    assert printed["latex"].count(r"\begin{tabular}") == printed["latex"].count(r"\bottomrule") == 2


def test_judged_at_any_time_it_ends_with_the_first_replicate_that_decides_and_may_go_on(
    comparisons: Comparisons,
) -> None:
    spread = [0.001 * (replicate % 3) for replicate in range(30)]
    comparisons.acts = scores_by_arm({0: [0.8 + part for part in spread], 1: [0.9 - part for part in spread]})
    options = {"until_decided": True, "anytime": True, "max_seeds": 9, "margin": 3.0}
    answer = comparisons.compare(**TWO, **options)
    (pair,) = answer["pairs"]
    assert (answer["anytime"], answer["level"], answer["wrong_verdict_at_most"]) == (True, 0.05, 0.05)
    assert (pair["verdict"], answer["fewest"]) == ("worse", 6)
    assert 6 <= answer["replicates"] < 9
    assert answer["arms"][0]["n"] == answer["replicates"]
    assert pair["interval"]["high"] < 0
    assert comparisons.compare(**TWO, **options) == answer
    more = comparisons.compare(**TWO, **{**options, "max_seeds": 12})
    assert (more["replicates"], more["wrong_verdict_at_most"]) == (answer["replicates"], 0.05)


def test_a_comparison_with_planned_looks_cannot_be_judged_at_any_time_later(comparisons: Comparisons) -> None:
    comparisons.compare(**TWO, seeds=2)
    with pytest.raises(UsageError, match="fixed before its first score"):
        comparisons.compare(**TWO, seeds=6, until_decided=True, max_seeds=9, anytime=True)
