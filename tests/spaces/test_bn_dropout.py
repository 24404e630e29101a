"""The space bn_dropout: its parameters, its combinations, and real Optuna trials over it."""

import warnings
from collections import defaultdict

import optuna
import pytest

from spaces import load_space
from spaces.configuration import BATCH_NORM_POSITIONS, DROPOUT_POSITIONS, OPTIMIZERS, Configuration
from spaces.contract import parameters
from spaces.distributions import Choices, Interval
from spaces.grid import grid
from spaces.named.bn_dropout import space
from spaces.space import ImageShape
from spaces.testing import SpaceContract
from spaces.trials import fixed_trial, random_trial


class TestBnDropout(SpaceContract):
    space = space
    ref = "bn_dropout"

    def build_model(self, configuration: Configuration, input_shape: ImageShape, classes: int) -> object:
        from search.training.backends.process import configure
        from search.training.models.building import InputSpec, build_model

        configure(threads=1)  # as the tests of training do, which may follow in this process
        return build_model(self.space, configuration, InputSpec(input_shape, classes, steps_per_epoch=18))


def test_it_asks_for_these_parameters() -> None:
    assert parameters(space) == {
        "optimizer": Choices(OPTIMIZERS),
        "learning_rate": Interval(1e-4, 1.0, log=True),
        "momentum": Interval(0.5, 0.99),
        "batch_norm": Choices(BATCH_NORM_POSITIONS),
        "dropout_position": Choices(("none", *DROPOUT_POSITIONS)),
        "dropout_rate": Interval(0.1, 0.6),
    }


@pytest.mark.parametrize("seed", range(60))
def test_it_asks_for_nothing_that_means_nothing(seed: int) -> None:
    trial = random_trial(seed)
    configuration = space.suggest(trial)
    assert ("momentum" in trial.params) == (trial.params["optimizer"] == "momentum")
    assert ("dropout_rate" in trial.params) == (trial.params["dropout_position"] != "none")
    assert bool(configuration.dropout) == ("dropout_rate" in trial.params)


def test_every_choice_ends_up_in_the_configuration() -> None:
    configuration = space.suggest(
        fixed_trial(
            {
                "optimizer": "momentum",
                "learning_rate": 0.05,
                "momentum": 0.9,
                "batch_norm": "after_activation",
                "dropout_position": "after_pooling",
                "dropout_rate": 0.25,
            }
        )
    )
    assert configuration.to_json() == (
        '{"activation":"relu","batch_norm":{"momentum":null,"position":"after_activation"},'
        '"blocks":[{"filters":[32],"kernel":3,"padding":"same"},{"filters":[64],"kernel":3,"padding":"same"},'
        '{"filters":[128],"kernel":3,"padding":"same"}],"dense":[128],'
        '"dropout":[{"position":"after_pooling","rate":0.25}],"extra":{},'
        '"optimizer":{"learning_rate":0.05,"momentum":0.9,"name":"momentum"}}'
    )


def test_its_grid_has_every_combination_once() -> None:
    combinations = list(grid(space, points=2))
    optimizers = 4 * 2 + 2 * 2
    assert len(combinations) == optimizers * 3 * (1 + 5 * 2)
    assert len({tuple(params.items()) for params in combinations}) == len(combinations)


def joint_tpe() -> optuna.samplers.TPESampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=0, multivariate=True, group=True)


def test_optuna_sees_one_distribution_for_each_parameter_and_warns_of_nothing() -> None:
    study = optuna.create_study(sampler=joint_tpe(), direction="maximize")
    study.optimize(lambda trial: -space.suggest(trial).optimizer.learning_rate, n_trials=30)
    distributions = defaultdict(set)
    for trial in study.trials:
        for name, distribution in trial.distributions.items():
            distributions[name].add(distribution)
    assert set(distributions) == set(parameters(space))
    assert all(len(found) == 1 for found in distributions.values())


def test_optuna_answers_as_our_own_trials_do() -> None:
    for params in [*grid(space, points=2)][::20]:
        assert space.suggest(optuna.trial.FixedTrial(params)) == space.suggest(fixed_trial(params))


def test_its_name_is_that_of_the_registry() -> None:
    assert load_space("bn_dropout") is space
    assert space.name == "bn_dropout"
