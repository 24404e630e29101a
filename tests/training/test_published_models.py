"""The architectures of published experiments: each has exactly the published number of parameters."""

import pytest

from search.training.models.building import Setting, model_from_layers
from spaces.published import ARTICLES, Arm, experiments

SETTINGS = {"cifar10": Setting((32, 32, 3), 10, 49), "mnist": Setting((28, 28, 1), 10, 1500)}
COUNTED = [
    pytest.param(SETTINGS[experiment.dataset], arm, id=arm.name)
    for article in ARTICLES
    for experiment in experiments(article)
    for arm in experiment.arms
    if arm.params is not None and not arm.configuration.shuffled_labels
]


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(("setting", "arm"), COUNTED)
def test_the_parameters_are_as_many_as_published(setting: Setting, arm: Arm) -> None:
    assert model_from_layers(arm.configuration, setting).count_params() == arm.params
