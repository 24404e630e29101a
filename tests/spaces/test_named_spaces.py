"""The built-in spaces keep the contract, ask for what they say, and express what was published."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from spaces import SpaceSource, load_space, resolve, space_names
from spaces.configuration import BatchNorm, Configuration
from spaces.contract import parameters
from spaces.named import activation, architecture, cnn, dropout, memorization, mnist_dense, optimizer, regularization
from spaces.named import width as width_space
from spaces.published import ARTICLES, experiments
from spaces.testing import SpaceContract
from spaces.trials import fixed_trial, random_trial

# The first digits of the fingerprints in the studies that there are: a change of any ends all searches of that space.
FINGERPRINTS = {
    "activation": "15bf63f800",
    "architecture": "637f08eed2",
    "bn_dropout": "ba555fa42c",
    "cnn": "113f29ca1f",
    "dropout": "38f81ddf8f",
    "memorization": "61dcaf9ddd",
    "mnist_dense": "f660a4799d",
    "optimizer": "9da5c25d13",
    "regularization": "57bf226365",
    "width": "efd637fd4a",
}


class TestOptimizer(SpaceContract):
    space = optimizer.space
    ref = "optimizer"


class TestRegularization(SpaceContract):
    space = regularization.space
    ref = "regularization"


class TestActivation(SpaceContract):
    space = activation.space
    ref = "activation"


class TestWidth(SpaceContract):
    space = width_space.space
    ref = "width"


class TestArchitecture(SpaceContract):
    space = architecture.space
    ref = "architecture"


class TestDropout(SpaceContract):
    space = dropout.space
    ref = "dropout"


class TestMnistDense(SpaceContract):
    space = mnist_dense.space
    ref = "mnist_dense"


class TestMemorization(SpaceContract):
    space = memorization.space
    ref = "memorization"


class TestCnn(SpaceContract):
    space = cnn.space
    ref = "cnn"


def published() -> dict[str, Configuration]:
    """The arms by their names; batch normalization with the fitted momentum that the spaces have."""
    arms = [arm for article in ARTICLES for each in experiments(article) for arm in each.arms]
    return {arm.name: with_fitted_momentum(arm.configuration) for arm in reversed(arms)}


def with_fitted_momentum(configuration: Configuration) -> Configuration:
    fitted = msgspec.structs.replace(configuration.batch_norm, momentum=None)
    return msgspec.structs.replace(configuration, batch_norm=BatchNorm() if fitted.position == "none" else fitted)


# These have another network than what was published.
ELSEWHERE = {("optimizer", "adadelta"), ("dropout", "every_dense")}


def baselines() -> Iterator[tuple[str, str]]:
    for name in space_names():
        yield from ((name, baseline.name) for baseline in load_space(name).baselines)


@pytest.mark.parametrize(("name", "baseline"), [each for each in baselines() if each not in ELSEWHERE])
def test_a_baseline_is_the_published_configuration(name: str, baseline: str) -> None:
    space = load_space(name)
    [params] = [each.params for each in space.baselines if each.name == baseline]
    configuration = space.suggest(fixed_trial(params))
    wanted = published()[baseline]
    assert msgspec.structs.replace(configuration, negative_slope=wanted.negative_slope) == wanted


def test_every_built_in_space_has_a_baseline_and_a_question_of_its_own() -> None:
    spaces = [load_space(name) for name in space_names()]
    assert all(space.baselines for space in spaces)
    assert len({space.question for space in spaces}) == len(spaces)


def test_the_space_of_everything_asks_for_every_axis() -> None:
    asked = set(parameters(cnn.space, trials=200))
    for name in ("bn_dropout", "optimizer", "regularization", "activation", "width", "architecture", "dropout"):
        assert set(parameters(load_space(name), trials=200)) <= asked


@pytest.mark.parametrize(("name", "digits"), FINGERPRINTS.items())
def test_studies_of_a_built_in_space_can_be_continued(name: str, digits: str) -> None:
    assert resolve(name).fingerprint.startswith(digits)


def test_a_space_that_was_renamed_is_found_by_the_name_in_earlier_studies_and_has_it() -> None:
    found, earlier = resolve("memorization"), resolve("memorisation")
    assert earlier == SpaceSource("memorisation", replace(found.space, name="memorisation"), found.fingerprint)
    assert "memorisation" not in space_names()


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_labels_are_a_matter_of_memorization_alone(seed: int) -> None:
    for name in set(space_names()) - {"memorization"}:
        assert not load_space(name).suggest(random_trial(seed)).shuffled_labels
