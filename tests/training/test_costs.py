"""The size of a model is known from its configuration: it is what Keras counts."""

from typing import Any

import pytest

from search.training.models.building import InputSpec, build_model
from spaces import resolve
from spaces.contract import configuration_of
from spaces.costs import cost_of
from spaces.registry import space_names
from spaces.trials import random_trial

SHAPE, CLASSES = (32, 40, 3), 7


@pytest.mark.parametrize("name", space_names())
def test_the_parameters_of_a_configuration_are_those_of_its_model(name: str, keras: Any) -> None:
    space = resolve(name).space
    if space.build is not None:
        pytest.skip("it builds its models itself")
    for seed in range(4):
        configuration = configuration_of(space, random_trial(seed))
        model = build_model(space, configuration, InputSpec(SHAPE, CLASSES, 5))
        assert cost_of(configuration, SHAPE, CLASSES).parameters == model.count_params()
    keras.backend.clear_session()
