"""The architectures of published experiments: each has exactly the published number of parameters."""

import pytest

from search.training.models.building import InputSpec, model_from_layers
from spaces.published import ARTICLES, Arm, experiments

SETTINGS = {"cifar10": InputSpec((32, 32, 3), 10, 49), "mnist": InputSpec((28, 28, 1), 10, 1500)}
COUNTED = [
    pytest.param(SETTINGS[experiment.dataset], arm, id=arm.name)
    for article in ARTICLES
    for experiment in experiments(article)
    for arm in experiment.arms
    if arm.params is not None and not arm.configuration.shuffled_labels
]


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(("spec", "arm"), COUNTED)
def test_the_parameters_are_as_many_as_published(spec: InputSpec, arm: Arm) -> None:
    assert model_from_layers(arm.configuration, spec).count_params() == arm.params
