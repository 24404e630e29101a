"""Looking several times: the plan of looks, and the errors of a comparison that stops when it's decided."""

from collections.abc import Sequence

import pytest

from search.errors import UsageError
from search.statistics.looks import Look, plan_looks
from search.statistics.permutation import smallest_p
from search.statistics.testing import SHAPES, ClaimsAtStop, judge_until_decided, share, simulate

FOUR = plan_looks(8, 30, pairs=1)
EVERY_FOURTH = plan_looks(8, 30, pairs=1, step=4)
MARGIN = 0.005


def at_end(
    shape: str, effect: float, looks: Sequence[Look], *, margin: float = MARGIN, simulations: int = 2_000
) -> ClaimsAtStop:
    """What is claimed of two arms when the comparison stops."""
    effects = (effect, 0)
    scores = simulate(SHAPES[shape], [31], replicates=30, effects=effects, simulations=simulations)
    # This many resamples reach the level of every look.
    return judge_until_decided(scores, margin, {"": looks}, effects, resamples=1_249)[""]


def test_the_levels_add_up_to_the_whole() -> None:
    for pairs in (1, 3, 10):
        for step in (None, 1, 2, 4, 7):
            looks = plan_looks(8, 30, pairs=pairs, step=step)
            assert sum(look.level for look in looks) == pytest.approx(0.05)
            assert looks[-1].replicates == 30


def test_little_is_spent_early() -> None:
    looks = plan_looks(10, 30, pairs=1, step=10)
    assert [look.replicates for look in looks[-2:]] == [20, 30]
    assert looks[-1].level > 0.03


def test_looks_that_could_decide_nothing_are_left_out() -> None:
    for pairs in (1, 3, 6):
        assert all(smallest_p(look.replicates) <= look.level / pairs for look in plan_looks(2, 30, pairs=pairs, step=1))


def test_one_look_at_the_end_has_the_whole_level() -> None:
    (look,) = plan_looks(12, 12, pairs=1)
    assert look.replicates == 12
    assert look.level == pytest.approx(0.05)


@pytest.mark.parametrize(("first", "most", "step"), [(1, 30, None), (12, 8, None), (8, 30, 0)])
def test_a_plan_that_makes_no_sense_is_refused(first: int, most: int, step: int | None) -> None:
    with pytest.raises(UsageError, match=f"looks from {first} to {most} replicates"):
        plan_looks(first, most, pairs=1, step=step)


def test_a_plan_that_could_never_decide_is_refused() -> None:
    with pytest.raises(UsageError, match="5 replicates can't decide anything between 3 pairs; allow more"):
        plan_looks(3, 5, pairs=3)


@pytest.mark.parametrize(
    ("shape", "looks"),
    [("normal", FOUR), ("near_ceiling", FOUR), ("normal", EVERY_FOURTH)],
    ids=["normal, four", "near the ceiling, four", "normal, every fourth"],
)
def test_equal_arms_are_told_apart_in_at_most_5_percent_however_often_one_looks(
    shape: str, looks: Sequence[Look]
) -> None:
    # So small a margin that the arms are never equivalent, and every look is another chance to err.
    end = at_end(shape, 0, looks, margin=1e-6)
    assert share(end.higher | end.lower) <= 0.05
    assert share(end.corrected_covers) >= 0.95


def test_arms_at_the_margin_are_called_equivalent_in_at_most_5_percent() -> None:
    assert share(at_end("normal", MARGIN, FOUR).equivalent) <= 0.05


def test_the_larger_the_effect_the_sooner_it_stops_and_the_surer() -> None:
    ends = [at_end("normal", effect, FOUR, simulations=400) for effect in (0.005, 0.01, 0.02)]
    found = [share(end.higher) for end in ends]
    replicates = [end.replicates.mean() for end in ends]
    assert found == sorted(found)
    assert replicates == sorted(replicates, reverse=True)
    assert found[-1] > 0.99
    assert replicates[-1] < 20
