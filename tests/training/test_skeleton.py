"""A skeleton has a slot for whatever configurations may differ in, and gives each its own layers in their order."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.training.shared_programs.skeleton import fill, fits, own_slots, skeleton
from spaces import load_space
from spaces.configuration import (
    BATCH_NORM_POSITIONS,
    CONVOLUTION_DROPOUTS,
    DROPOUT_POSITIONS,
    BatchNorm,
    Block,
    Configuration,
    Dropout,
    DropoutPosition,
    Regularization,
)
from spaces.layers import Drop, layer_order
from spaces.published import ARTICLES, experiments
from spaces.registry import BUILT_IN
from spaces.trials import random_trial

POSITIONS: tuple[DropoutPosition, ...] = (*CONVOLUTION_DROPOUTS, "before_every_dense")
DROPOUTS = st.sets(st.sampled_from(POSITIONS))
BATCH_NORMS = st.builds(
    BatchNorm,
    position=st.sampled_from(BATCH_NORM_POSITIONS),
    convolutions=st.sampled_from(["every", "last"]),
    blocks=st.sampled_from([None, 1]),
)
PENALTIES = st.builds(Regularization, l1=st.sampled_from([0.0, 1e-4]), l2=st.sampled_from([0.0, 1e-3]))
TWO_BLOCKS = Configuration((Block((4, 6)), Block((8,), padding="valid")), dense=(8, 8), activation="prelu")


def differing(batch_norm: BatchNorm, dropouts: set[DropoutPosition], regularization: Regularization) -> Configuration:
    dropout = tuple(Dropout(position, 0.1 + len(position) / 100) for position in sorted(dropouts))
    return msgspec.structs.replace(TWO_BLOCKS, batch_norm=batch_norm, dropout=dropout, regularization=regularization)


SWITCHED = st.builds(differing, BATCH_NORMS, DROPOUTS, PENALTIES)


def require_own_layers(configuration: Configuration) -> None:
    """Asserts that the filled slots of its skeleton are the configuration's layers."""
    filled = fill(skeleton(configuration), configuration)
    expected = [layer for layer in layer_order(configuration) if not (isinstance(layer, Drop) and layer.rate == 0)]
    assert [layer for layer in filled if layer is not None] == expected


@pytest.mark.parametrize("name", BUILT_IN)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_active_layers_are_those_of_any_configuration_of_a_named_space(name: str, seed: int) -> None:
    require_own_layers(load_space(name).suggest(random_trial(seed)))


def test_active_layers_are_those_of_every_published_configuration() -> None:
    for article in ARTICLES:
        for experiment in experiments(article):
            for arm in experiment.arms:
                require_own_layers(arm.configuration)


@given(SWITCHED)
def test_configurations_that_differ_in_normalization_dropout_and_penalties_share_a_skeleton(
    configuration: Configuration,
) -> None:
    require_own_layers(configuration)
    assert skeleton(configuration) == skeleton(TWO_BLOCKS)


def test_all_structures_of_bn_dropout_have_one_skeleton() -> None:
    space = load_space("bn_dropout")
    drawn = [space.suggest(random_trial(seed)) for seed in range(300)]
    structures = len(BATCH_NORM_POSITIONS) * (1 + len(DROPOUT_POSITIONS))
    assert len({own_slots(configuration) for configuration in drawn}) == structures
    assert len({skeleton(configuration) for configuration in drawn}) == 1


@given(SWITCHED)
def test_a_structure_fills_all_its_own_slots(configuration: Configuration) -> None:
    assert fill(own_slots(configuration), configuration) == list(layer_order(configuration))


def test_normalization_after_pooling_has_a_skeleton_of_its_own() -> None:
    after_pooling = Configuration(batch_norm=BatchNorm("after_pooling"), dropout=(Dropout("after_pooling", 0.2),))
    require_own_layers(after_pooling)
    assert skeleton(after_pooling) != skeleton(Configuration())


def test_dropout_of_rate_0_needs_no_slot() -> None:
    without = Configuration(dropout=(Dropout("after_pooling", 0.0), Dropout("before_output", 0.0)))
    assert fill(skeleton(without), without) == fill(skeleton(Configuration()), Configuration())


def test_other_layers_do_not_fit() -> None:
    wider = Configuration((Block((16,)),))
    for slots in (skeleton(Configuration()), own_slots(Configuration()), skeleton(Configuration((Block((16, 16)),)))):
        assert not fits(slots, wider)
        with pytest.raises(ValueError, match="don't fit into the slots of this program"):
            fill(slots, wider)
