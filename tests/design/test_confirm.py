"""Confirmations: the best trials of a search, trained again on seeds that had no part in selecting them."""

import msgspec
import pytest
from click.testing import CliRunner
from optuna.pruners import NopPruner

from search.confirm import main
from search.design.confirming import confirmation_plan
from search.design.options import ConfirmOptions
from search.errors import UsageError
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.study.folders import StudyFolder
from search.study.own_folder import prepare
from search.study.test_score import stored_test_score
from search.study.trials import open_trial, suggest_configuration
from search.workers.settings import WorkerSettings
from search.workers.settle import settle
from spaces import resolve
from storage import create_study
from storage.records import Outcome
from storage.testkit import claimed, example_epoch
from tests.helpers.comparisons import Comparisons
from tests.helpers.optuna_values import report

SEARCH = "bn_dropout-digits"


@pytest.fixture
def searched(comparisons: Comparisons) -> Comparisons:
    """A search of six trials, carried out."""
    workers = WorkerSettings(artifacts=comparisons.folder / "artifacts")
    plan = make_plan(
        LaunchOptions(space="bn_dropout", storage=comparisons.url, epochs=1, sampler="random", workers=workers)
    )
    with create_study(comparisons.url, SEARCH, msgspec.structs.replace(plan.manifest, pruner="none")) as shared:
        shared.ledger.order_up_to(6, plan.orders.__getitem__)
        comparisons.run(shared, comparisons.url, workers, quiet=True)
    return comparisons


def test_the_best_trials_are_confirmed_on_fresh_seeds_and_the_test_images_are_used_once(searched: Comparisons) -> None:
    answer = searched.confirm(top=3, seeds=4)
    with searched.open(SEARCH) as shared:
        ranked = sorted(shared.study.get_trials(), key=lambda trial: trial.value or 0.0, reverse=True)
        used = {slot.seed for slot in shared.ledger.slots()} | {shared.manifest.seed}
    assert [arm["name"] for arm in answer["arms"]] == [f"trial {trial.number}" for trial in ranked[:3]]
    assert [arm["selected"] for arm in answer["arms"]] == [trial.value for trial in ranked[:3]]
    assert [arm["n"] for arm in answer["arms"]] == [4, 4, 4]
    with searched.open(f"{SEARCH}-confirm") as shared:
        fresh: set[int | None] = {slot.seed for slot in shared.ledger.slots()}
        fresh |= {slot.settings.split_seed for slot in shared.ledger.slots()}
        score = stored_test_score(shared)
    assert not used & fresh
    best = max(answer["arms"], key=lambda arm: arm["mean"])
    assert score is not None
    assert answer["test"]["arm"] == best["name"]
    assert answer["test"]["trial"] == score.trial
    assert searched.confirm(top=3, seeds=4) == answer


def test_the_table_sets_selected_against_confirmed_scores(searched: Comparisons) -> None:
    searched.confirm(top=1, seeds=2)
    flags = ["--top", "1", "--seeds", "2", "--storage", searched.url, "-q", "--n-workers", "0"]
    told = CliRunner().invoke(main, flags, catch_exceptions=False)
    assert told.exit_code == 0
    assert "selected - confirmed, points" in told.output
    assert "first look, on 100 images" in told.output


def test_without_a_search_there_is_nothing_to_confirm(comparisons: Comparisons) -> None:
    empty_search(comparisons)
    with pytest.raises(UsageError, match="no trial yet that is better than guessing"):
        comparisons.confirm(top=1, seeds=2)


def test_of_several_searches_one_must_be_named(searched: Comparisons) -> None:
    with searched.open(SEARCH) as shared:
        create_study(searched.url, "another", shared.manifest).close()
    with pytest.raises(UsageError, match=f"with --search: another, {SEARCH}"):
        searched.confirm(top=1, seeds=2)


def empty_search(comparisons: Comparisons) -> None:
    plan = make_plan(LaunchOptions(space="bn_dropout", storage=comparisons.url, epochs=1))
    create_study(comparisons.url, SEARCH, plan.manifest).close()


def test_a_pruned_trial_with_one_of_the_best_scores_is_confirmed_and_a_network_at_chance_is_not(
    comparisons: Comparisons,
) -> None:
    """As successive halving leaves it: the best one stopped early, two completed, of which one learned nothing."""
    scores = {0: [0.1, 0.1, 0.1], 1: [0.5, 0.6, 0.7], 2: [0.9]}
    finished_search(comparisons, scores)
    answer = comparisons.confirm(top=3, seeds=2)
    assert [arm["name"] for arm in answer["arms"]] == ["trial 2", "trial 1"]
    assert [arm["selected"] for arm in answer["arms"]] == [0.9, 0.7]


def test_a_pruned_arm_and_missing_ones_are_said_beforehand(comparisons: Comparisons) -> None:
    finished_search(comparisons, {0: [0.1, 0.1, 0.1], 1: [0.5, 0.6, 0.7], 2: [0.9]})
    plan = confirmation_plan(comparisons.complete(ConfirmOptions(top=3)))
    assert "it has 2 different trials that are better than guessing, fewer than --top 3" in plan.notes
    assert "stopped early by the search, and among its best all the same: trial 2 (after epoch 1)" in plan.notes


def finished_search(comparisons: Comparisons, scores: dict[int, list[float]]) -> None:
    """A search of three epochs whose trials had these validation accuracies; with fewer, they were pruned."""
    plan = make_plan(LaunchOptions(space="bn_dropout", storage=comparisons.url, epochs=3, sampler="random"))
    with create_study(comparisons.url, SEARCH, plan.manifest) as shared:
        folder = StudyFolder(comparisons.folder / "artifacts", SEARCH, shared.key.stamp)
        prepare(folder, shared.manifest)
        shared.ledger.order_up_to(len(scores), plan.orders.__getitem__)
        space = resolve("bn_dropout").space
        for number, values in scores.items():
            lease = claimed(shared.ledger)
            assert open_trial(shared, space, lease) == number
            suggest_configuration(shared, space, lease, number, NopPruner())
            for epoch, value in enumerate(values, 1):
                shared.ledger.record_epoch(lease, example_epoch(epoch, val_accuracy=value))
                report(shared, number, value, epoch)
            outcome = Outcome("complete" if len(values) == 3 else "pruned", values[-1], epochs=len(values))
            shared.ledger.finish(lease, outcome)
            (finished,) = shared.ledger.unconfirmed()
            settle(shared, folder, finished)


def test_one_replicate_of_one_trial_is_refused(searched: Comparisons) -> None:
    with pytest.raises(UsageError, match="--seeds 1: one replicate doesn't show the spread"):
        searched.confirm(top=1, seeds=1)
