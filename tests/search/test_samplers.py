"""Samplers by name: each runs a search without a warning, and proposes for a slot what its seed says."""

import warnings
from typing import Any

import optuna
import pytest

from search.errors import UsageError
from search.sampling.grid_points import grid_points
from search.sampling.pruners import PRUNERS
from search.sampling.samplers import SAMPLERS, make_sampler, sampler_choice
from spaces import Space, load_space
from spaces.configuration import Configuration, Optimizer
from spaces.space import Trial
from tests.helpers.lab import Lab

SPACE = load_space("bn_dropout")
INSTALLED = ["tpe", "random", "qmc", "cmaes", "grid"]


@pytest.mark.parametrize("name", INSTALLED)
def test_a_search_runs_without_a_warning(name: str, lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    shared = lab.study(14, sampler=name, pruner="asha-stop", epochs=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lab.work()
    assert all(trial.state.is_finished() for trial in shared.study.get_trials())
    assert len({str(trial.params) for trial in shared.study.get_trials()}) == 14
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", INSTALLED)
def test_two_slots_get_different_first_parameters(name: str, lab: Lab) -> None:
    shared = lab.study(6, sampler=name, epochs=1)
    lab.work()
    assert len({str(trial.params) for trial in shared.study.get_trials()}) == 6


def small_suggest(trial: Trial) -> Configuration:
    plain = trial.suggest_categorical("optimizer", ["adam", "sgd"]) == "sgd"
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True) if plain else 1e-3
    return Configuration(optimizer=Optimizer("sgd" if plain else "adam", rate))


SMALL = Space(name="small", question="Which?", suggest=small_suggest)


def test_a_grid_gives_each_of_its_points_once(lab: Lab) -> None:
    shared = lab.study(4, sampler="grid", epochs=1, own=SMALL)
    lab.work(lab.context(space=SMALL))
    given = sorted((trial.params for trial in shared.study.get_trials()), key=str)
    assert given == sorted(grid_points(SMALL, 0), key=str)
    assert len(given) == 4


def test_a_grid_in_part_is_spread_over_all_of_it() -> None:
    first = grid_points(SPACE, 0)[:60]
    assert len({params["optimizer"] for params in first}) == 5
    assert grid_points(SPACE, 0) != grid_points(SPACE, 1)


def test_tpe_learns_where_the_good_values_are(lab: Lab) -> None:
    shared = lab.study(1, sampler="tpe")
    rates = []
    for slot in range(40):
        shared.study.sampler = make_sampler("tpe", 0, slot)
        trial = shared.study.ask()
        rate = trial.suggest_float("rate", 0.0, 1.0)
        trial.suggest_categorical("noise", ["a", "b"])
        shared.study.tell(trial, -abs(rate - 0.3))
        rates.append(rate)
    late = rates[-15:]
    assert sum(abs(rate - 0.3) < 0.2 for rate in late) >= 12


def test_the_slots_of_qmc_go_through_one_sequence(lab: Lab) -> None:
    study = optuna.create_study()
    values = []
    for slot in range(17):
        study.sampler = make_sampler("qmc", 0, slot)
        trial = study.ask()
        values.append(trial.suggest_float("x", 0.0, 1.0))
        study.tell(trial, 0.0)
    sixteenths = {int(value * 16) for value in values[1:]}
    assert len(sixteenths) >= 14  # random draws would fill about ten


@pytest.mark.parametrize("name", INSTALLED)
def test_a_sampler_is_made_for_a_slot_from_seeds_alone(name: str) -> None:
    def first(slot: int) -> dict[str, Any]:
        study = optuna.create_study(sampler=make_sampler(name, 3, slot))
        trial = study.ask()
        SPACE.suggest(trial)
        return trial.params

    assert first(0) == first(0)
    assert first(0) != first(1)


def test_an_unknown_sampler_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'random'.*tpe, random, qmc, cmaes, gp, grid"):
        sampler_choice("randm")


def test_every_choice_says_what_it_is_for() -> None:
    descriptions = [choice.description for choice in SAMPLERS.values()] + [
        choice.description for choice in PRUNERS.values()
    ]
    assert all(descriptions)
