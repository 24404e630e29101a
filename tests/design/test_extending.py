"""A finished comparison is gone on with: more replicates are added to it, and it is judged against another margin."""

from typing import Any

import msgspec
import pytest

from search.design.options import CompareOptions
from search.design.plans import make_plans
from search.errors import UsageError
from storage import Manifest
from tests.helpers.comparisons import Comparisons

NAME = "bn_dropout-digits-compare-batch_norm"
AXIS: dict[str, Any] = {"axis": "batch_norm"}
TWO = {"axis": "batch_norm", "choices": ("none", "before_activation")}


def test_more_replicates_are_added_to_those_that_are_there(comparisons: Comparisons) -> None:
    before = comparisons.compare(**AXIS, seeds=2)
    answer = comparisons.compare(**AXIS, seeds=3)
    assert [arm["n"] for arm in answer["arms"]] == [3, 3, 3]
    for arm, earlier in zip(answer["arms"], before["arms"], strict=True):
        assert arm["scores"].items() >= earlier["scores"].items()
    with comparisons.open(NAME) as shared:
        assert shared.ledger.counts().total == 9


def test_a_look_that_was_not_planned_costs_level_and_that_is_said(comparisons: Comparisons) -> None:
    comparisons.compare(**TWO, seeds=6)
    answer = comparisons.compare(**TWO, seeds=8)
    assert (answer["level"], answer["replicates"]) == (0.025, 8)
    assert answer["wrong_verdict_at_most"] == pytest.approx(0.075)


def test_a_decided_comparison_is_extended_as_well(comparisons: Comparisons) -> None:
    comparisons.compare(**TWO, seeds=6, margin=50.0)
    answer = comparisons.compare(**TWO, seeds=7, margin=50.0)
    assert answer["decided"]
    assert answer["replicates"] == 7


def test_the_margin_is_about_the_analysis_alone(comparisons: Comparisons) -> None:
    first = comparisons.compare(**TWO, seeds=6, margin=0.001)
    again = comparisons.compare(**TWO, seeds=6, margin=50.0)
    assert (first["margin"], again["margin"]) == (pytest.approx(0.00001), 0.5)
    assert again["pairs"][0]["verdict"] == "equivalent"
    assert again["arms"] == first["arms"]
    with comparisons.open(NAME) as shared:
        assert shared.manifest.comparison is not None
        assert shared.manifest.comparison.margin == 0.5
        assert shared.ledger.counts().total == 12


def test_the_margin_of_one_judged_at_any_time_stays_as_its_bets_were_made_with_it(comparisons: Comparisons) -> None:
    """Of the best of several margins, a wrong verdict would be more probable than is said."""
    options = {**TWO, "until_decided": True, "anytime": True, "max_seeds": 9}
    answer = comparisons.compare(**options, margin=1.0)
    with pytest.raises(UsageError, match=r"a margin of 2 points: .* give --margin 1 to continue it"):
        comparisons.compare(**options, margin=2.0)
    assert comparisons.compare(**options, margin=1.0) == answer


def test_without_seeds_it_goes_on_as_it_was_planned(comparisons: Comparisons) -> None:
    comparisons.compare(**AXIS, seeds=9)
    assert comparisons.compare(**AXIS)["replicates"] == 9


def test_fewer_replicates_than_there_are_are_refused(comparisons: Comparisons) -> None:
    comparisons.compare(**AXIS, seeds=3)
    with pytest.raises(UsageError, match="has 3 replicates of each arm, and 2 were asked for: leave --seeds out"):
        comparisons.compare(**AXIS, seeds=2)


def test_a_first_look_that_comes_later_than_asked_for_is_said(comparisons: Comparisons) -> None:
    options = comparisons.complete(CompareOptions(space="bn_dropout", **AXIS, seeds=8, until_decided=True))
    (plan,) = make_plans(options)
    first = plan.comparison.looks[0].replicates
    assert first > 8
    assert any(note.startswith(f"the first look is after {first} replicates, not 8") for note in plan.notes)


def test_a_comparison_of_an_earlier_release_is_judged_by_its_planned_looks(comparisons: Comparisons) -> None:
    given: dict[str, Any] = {**TWO, "seeds": 6}
    (plan,) = make_plans(comparisons.complete(CompareOptions(space="bn_dropout", **given)))
    document = msgspec.to_builtins(plan.manifest)
    del document["comparison"]["anytime"]
    older = Manifest.from_json(msgspec.json.encode({**document, "schema_version": 10}).decode())
    assert older.comparison == plan.comparison
