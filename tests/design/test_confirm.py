"""Confirmations: the best trials of a search, trained again on seeds that had no part in selecting them."""

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from search.commands.worker_flags import WorkerFlags
from search.confirm import main
from search.errors import UsageError
from search.launching.planning import LaunchOptions, make_plan
from search.study.test_score import stored_test_score
from storage import create_study

SEARCH = "bn_dropout-digits"


@pytest.fixture
def searched(table: Any) -> Any:
    """A search of six trials, carried out."""
    workers = WorkerFlags(artifacts=table.folder / "artifacts")
    plan = make_plan(LaunchOptions(space="bn_dropout", storage=table.url, epochs=1, sampler="random", workers=workers))
    with create_study(table.url, SEARCH, msgspec.structs.replace(plan.manifest, pruner="none")) as shared:
        shared.ledger.order_up_to(6, plan.orders.__getitem__)
        table.crew(shared, table.url, workers, quiet=True)
    return table


def test_the_best_trials_are_confirmed_on_fresh_seeds_and_the_test_images_are_used_once(searched: Any) -> None:
    answer = searched.confirm(top=3, seeds=4)
    with searched.open(SEARCH) as shared:
        ranked = sorted(shared.study.get_trials(), key=lambda trial: -trial.value)
        used = {slot.seed for slot in shared.ledger.slots()} | {shared.manifest.seed}
    assert [arm["name"] for arm in answer["arms"]] == [f"trial {trial.number}" for trial in ranked[:3]]
    assert [arm["selected"] for arm in answer["arms"]] == [trial.value for trial in ranked[:3]]
    assert [arm["n"] for arm in answer["arms"]] == [4, 4, 4]
    with searched.open(f"{SEARCH}-confirm") as shared:
        fresh = {slot.seed for slot in shared.ledger.slots()}
        fresh |= {slot.settings["split_seed"] for slot in shared.ledger.slots()}
        score = stored_test_score(shared)
    assert not used & fresh
    best = max(answer["arms"], key=lambda arm: arm["mean"])
    assert score is not None
    assert answer["test"]["arm"] == best["name"]
    assert answer["test"]["trial"] == score.trial
    assert searched.confirm(top=3, seeds=4) == answer


def test_the_table_sets_selected_against_confirmed_scores(searched: Any) -> None:
    searched.confirm(top=1, seeds=2)
    flags = ["--top", "1", "--seeds", "2", "--storage", searched.url, "-q", "--n-workers", "0"]
    told = CliRunner().invoke(main, flags, catch_exceptions=False)
    assert told.exit_code == 0
    assert "selected - confirmed, points" in told.output
    assert "measured once, on 100 images" in told.output


def test_without_a_search_there_is_nothing_to_confirm(table: Any) -> None:
    empty_search(table)
    with pytest.raises(UsageError, match="no completed trial yet"):
        table.confirm(top=1, seeds=2)


def test_of_several_searches_one_must_be_named(searched: Any) -> None:
    with searched.open(SEARCH) as shared:
        create_study(searched.url, "another", shared.manifest).close()
    with pytest.raises(UsageError, match=f"with --search: another, {SEARCH}"):
        searched.confirm(top=1, seeds=2)


def empty_search(table: Any) -> None:
    plan = make_plan(LaunchOptions(space="bn_dropout", storage=table.url, epochs=1))
    create_study(table.url, SEARCH, plan.manifest).close()
