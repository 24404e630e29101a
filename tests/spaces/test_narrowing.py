"""A part of a space: each of its trials is one of the space's own, and has only the values that are left."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces import load_space, space_names
from spaces.configuration import Configuration
from spaces.contract import check_space, parameters
from spaces.distributions import Choices, Interval
from spaces.errors import SpaceError
from spaces.narrowing import Narrowing, narrowed, parse_narrowing
from spaces.space import Space, Trial
from spaces.trials import fixed_trial, random_trial

OPTIMIZER = load_space("optimizer")


def suggest_widths(trial: Trial) -> Configuration:
    trial.suggest_categorical("units", [16, 32, 64, 128])
    trial.suggest_float("share", 0.1, 0.9, step=0.2)
    if trial.suggest_categorical("deep", [True, False]):
        trial.suggest_int("layers", 2, 10, step=2)
    return Configuration()


WIDTHS = Space("widths", "how wide?", suggest_widths)


def texts_for(space: Space, seed: int) -> tuple[list[str], list[str], list[str]]:
    """Texts that narrow some parameters of the space, as a user would type them, at random."""
    source = random.Random(seed)
    only, ranges, fixed = list[str](), list[str](), list[str]()
    for name, distribution in parameters(space).items():
        match source.randrange(3), distribution:
            case 0, Choices(values):
                chosen = source.sample(values, source.randint(1, len(values)))
                only.append(f"{name}={','.join(map(str, chosen))}")
            case 0, Interval(step=None):
                low, high = sorted(distribution.at_share(source.random()) for _ in range(2))
                ranges += [f"{name}={low!r}:{high!r}"] if low < high else []
            case 1, Choices(values):
                fixed.append(f"{name}={source.choice(values)}")
            case 1, Interval(step=None):
                fixed.append(f"{name}={distribution.at_share(source.random())!r}")
            case _:
                pass
    return only, ranges, fixed


def part_of(space: Space, seed: int) -> Space:
    """A part of the space; the whole where what was drawn would narrow a parameter that is never asked for."""
    try:
        return narrowed(space, parse_narrowing(space, *texts_for(space, seed)))
    except SpaceError as error:
        if "decides nothing" not in str(error):
            raise
        return space


@given(name=st.sampled_from(space_names()), seed=st.integers(0, 10_000))
def test_each_trial_of_a_part_is_one_of_the_space_and_lies_within_the_part(name: str, seed: int) -> None:
    space = load_space(name)
    part = part_of(space, seed)
    check_space(part)
    trial = random_trial(seed)
    configuration = part.suggest(trial)
    assert space.suggest(fixed_trial(trial.params)) == configuration
    assert {baseline.name for baseline in part.baselines} <= {baseline.name for baseline in space.baselines}


def test_choices_stay_in_the_order_of_the_space_and_numbers_in_theirs() -> None:
    narrowing = parse_narrowing(OPTIMIZER, ["optimizer=adam,rmsprop", "learning_rate=0.01,0.001"], [], [])
    left = parameters(narrowed(OPTIMIZER, narrowing))
    assert left["optimizer"] == Choices(("rmsprop", "adam"))
    assert left["learning_rate"] == Choices((0.001, 0.01))


def test_a_range_keeps_the_scale_and_the_steps() -> None:
    left = parameters(narrowed(OPTIMIZER, parse_narrowing(OPTIMIZER, [], ["learning_rate=1e-3:1e-2"], [])))
    assert left["learning_rate"] == Interval(1e-3, 1e-2, log=True)
    narrowing = parse_narrowing(WIDTHS, [], ["share=0.3:0.7", "layers=4:8", "units=20:100"], [])
    left = parameters(narrowed(WIDTHS, narrowing))
    assert left["share"] == Interval(0.3, 0.7, step=0.2)
    assert left["layers"] == Interval(4, 8, step=2, integer=True)
    assert left["units"] == Choices((32, 64))


def test_one_value_is_that_of_every_trial_and_has_its_type() -> None:
    part = narrowed(WIDTHS, parse_narrowing(WIDTHS, [], [], ["deep=True", "layers=4", "share=0.5", "units=64"]))
    trial = random_trial(1)
    part.suggest(trial)
    assert trial.params == {"units": 64, "share": 0.5, "deep": True, "layers": 4}
    assert [type(value) for value in trial.params.values()] == [int, float, bool, int]


def test_baselines_outside_of_the_part_are_left_out() -> None:
    part = narrowed(OPTIMIZER, parse_narrowing(OPTIMIZER, ["optimizer=adam,rmsprop"], [], []))
    assert [baseline.name for baseline in part.baselines] == ["base"]
    assert narrowed(OPTIMIZER, Narrowing()) is OPTIMIZER


@pytest.mark.parametrize(
    ("only", "ranges", "fixed", "said"),
    [
        (
            ["optimiser=adam"],
            [],
            [],
            "--only optimiser=adam: There is no parameter 'optimiser'. Did you mean 'optimizer'",
        ),
        (["optimizer=adm"], [], [], "optimizer = adm is outside {sgd, momentum"),
        (["optimizer"], [], [], "--only optimizer: give NAME=VALUE,VALUE,…"),
        (["optimizer=,"], [], [], "--only optimizer=, names no value"),
        (["optimizer=adam,adam"], [], [], "names a value twice"),
        (["optimizer=adam"], [], ["optimizer=sgd"], "optimizer is narrowed twice"),
        (["optimizer=adam", "optimizer=sgd"], [], [], "optimizer is narrowed twice"),
        ([], ["learning_rate=1e-2"], [], "give NAME=LOW:HIGH"),
        ([], ["learning_rate=1e-2:x"], [], "give NAME=LOW:HIGH"),
        ([], ["learning_rate=1e-2:1e-3"], [], "the lower bound comes first"),
        ([], ["learning_rate=1e-2:1e-2"], [], "one value alone is --fix learning_rate="),
        ([], ["learning_rate=1e-9:1e-2"], [], "learning_rate = 1e-9 is outside [0.0001, 1]"),
        ([], ["learning_rate=nan:1"], [], "learning_rate = nan is outside"),
        ([], ["optimizer=1:2"], [], "none of {sgd, momentum"),
        ([], [], ["learning_rate=high"], "learning_rate = high is outside"),
        (["optimizer=adam"], [], ["momentum=0.9"], "momentum: narrowing this decides nothing"),
    ],
)
def test_what_the_space_does_not_have_is_refused_with_what_it_has(
    only: list[str], ranges: list[str], fixed: list[str], said: str
) -> None:
    with pytest.raises(SpaceError) as refused:
        parse_narrowing(OPTIMIZER, only, ranges, fixed)
    assert said in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [("share=0.2:0.7", "0.2 is outside"), ("layers=3:8", "3 is outside")])
def test_bounds_lie_on_the_steps(text: str, said: str) -> None:
    with pytest.raises(SpaceError, match="is outside") as refused:
        parse_narrowing(WIDTHS, [], [text], [])
    assert said in str(refused.value)


def test_a_space_that_fails_to_suggest_says_so() -> None:
    def suggest(trial: Trial) -> Configuration:
        raise KeyError("no")

    with pytest.raises(SpaceError, match="suggest raised KeyError"):
        parse_narrowing(replace(OPTIMIZER, suggest=suggest), ["optimizer=adam"], [], [])
