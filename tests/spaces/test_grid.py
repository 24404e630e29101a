"""A grid has every combination once, also of parameters that are asked for only after some choices."""

from collections.abc import Callable
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.configuration import Configuration, Scalar
from spaces.errors import SpaceError
from spaces.grid import grid
from spaces.space import Space, Trial


def space_of(suggest: Callable[[Trial], Configuration]) -> Space:
    return Space("test", "does it enumerate?", suggest)


def conditional(trial: Trial) -> Configuration:
    if trial.suggest_categorical("kind", ["a", "b", "c"]) == "b":
        trial.suggest_float("share", 0.0, 1.0)
        trial.suggest_categorical("deep", [True, False])
    trial.suggest_int("width", 8, 24, step=8)
    return Configuration()


def test_parameters_of_one_choice_appear_only_with_it() -> None:
    combinations = list(grid(space_of(conditional)))
    expected: list[dict[str, Scalar]] = [{"kind": "a", "width": width} for width in (8, 16, 24)]
    expected += [
        {"kind": "b", "share": share, "deep": deep, "width": width}
        for share, deep, width in product((0.0, 0.5, 1.0), (True, False), (8, 16, 24))
    ]
    expected += [{"kind": "c", "width": width} for width in (8, 16, 24)]
    assert combinations == expected


def test_a_logarithmic_range_is_cut_evenly_on_its_scale() -> None:
    def suggest(trial: Trial) -> Configuration:
        trial.suggest_float("rate", 1e-4, 1.0, log=True)
        return Configuration()

    rates = [params["rate"] for params in grid(space_of(suggest), points=5)]
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert (rates[0], rates[-1]) == (1e-4, 1.0)


def test_one_point_is_the_middle_of_the_range() -> None:
    def suggest(trial: Trial) -> Configuration:
        trial.suggest_float("rate", 0.01, 1.0, log=True)
        return Configuration()

    [params] = grid(space_of(suggest), points=1)
    assert params["rate"] == pytest.approx(0.1, rel=1e-9)


def test_a_range_of_one_value_is_one_point() -> None:
    def suggest(trial: Trial) -> Configuration:
        trial.suggest_float("rate", 0.5, 0.5)
        return Configuration()

    assert list(grid(space_of(suggest))) == [{"rate": 0.5}]


def test_a_space_without_parameters_has_one_combination() -> None:
    assert list(grid(space_of(lambda _: Configuration()))) == [{}]


def test_a_step_goes_through_all_values_whatever_the_points() -> None:
    def suggest(trial: Trial) -> Configuration:
        trial.suggest_float("rate", 0.1, 0.5, step=0.1)
        return Configuration()

    assert [p["rate"] for p in grid(space_of(suggest), points=2)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@given(st.lists(st.integers(1, 4), max_size=5))
def test_the_grid_of_independent_choices_is_their_product(widths: list[int]) -> None:
    def suggest(trial: Trial) -> Configuration:
        for index, width in enumerate(widths):
            trial.suggest_categorical(f"p{index}", list(range(width)))
        return Configuration()

    combinations = [tuple(params.values()) for params in grid(space_of(suggest))]
    assert combinations == list(product(*map(range, widths)))


@given(st.randoms(use_true_random=False))
def test_the_grid_of_a_random_tree_has_each_leaf_once(source: Random) -> None:
    shape: dict[tuple[tuple[str, int], ...], int] = {}

    def suggest(trial: Trial) -> Configuration:
        path: tuple[tuple[str, int], ...] = ()
        while shape.setdefault(path, source.randint(0, 3) if len(path) < 4 else 0):
            name = f"p{len(path)}-{path}"
            path = (*path, (name, trial.suggest_categorical(name, list(range(shape[path])))))
        return Configuration()

    found = [tuple(params.items()) for params in grid(space_of(suggest))]
    assert sorted(found) == sorted(path for path, width in shape.items() if width == 0)


def test_too_many_combinations_are_refused() -> None:
    def suggest(trial: Trial) -> Configuration:
        trial.suggest_int("width", 1, 1000)
        return Configuration()

    with pytest.raises(SpaceError, match="the grid of test has more than 100 combinations"):
        list(grid(space_of(suggest), limit=100))
    assert len(list(grid(space_of(suggest), limit=1000))) == 1000


def test_no_points_are_refused() -> None:
    with pytest.raises(SpaceError, match="at least 1 point for a continuous parameter, not 0"):
        list(grid(space_of(conditional), points=0))
