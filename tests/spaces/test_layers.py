"""The order of layers, for every place of batch normalization and of dropout."""

import re

import pytest

from spaces.configuration import (
    BATCH_NORM_POSITIONS,
    DROPOUT_POSITIONS,
    BatchNorm,
    BatchNormPosition,
    Block,
    Configuration,
    Dropout,
    DropoutPosition,
    Optimizer,
    Regularization,
)
from spaces.diagram import draw
from spaces.errors import ConfigurationError
from spaces.layers import Conv, Drop, MaxPool, Normalize, layer_order, require_fit

HEAD = ["flatten", "dense 9", "relu", "output"]
CONV, NORM, ACT, DROP, POOL = "conv 8", "batch_norm", "relu", "dropout 0.5", "max_pool"

EXPECTED = {
    ("none", None): [CONV, ACT, POOL, *HEAD],
    ("none", "before_normalization"): [CONV, DROP, ACT, POOL, *HEAD],
    ("none", "after_normalization"): [CONV, ACT, DROP, POOL, *HEAD],
    ("none", "after_pooling"): [CONV, ACT, POOL, DROP, *HEAD],
    ("none", "before_dense"): [CONV, ACT, POOL, "flatten", DROP, "dense 9", "relu", "output"],
    ("none", "before_every_dense"): [CONV, ACT, POOL, "flatten", DROP, "dense 9", "relu", DROP, "output"],
    ("before_activation", None): [CONV, NORM, ACT, POOL, *HEAD],
    ("before_activation", "before_normalization"): [CONV, DROP, NORM, ACT, POOL, *HEAD],
    ("before_activation", "after_normalization"): [CONV, NORM, DROP, ACT, POOL, *HEAD],
    ("before_activation", "after_pooling"): [CONV, NORM, ACT, POOL, DROP, *HEAD],
    ("before_activation", "before_dense"): [CONV, NORM, ACT, POOL, "flatten", DROP, "dense 9", "relu", "output"],
    ("before_activation", "before_every_dense"): [
        *(CONV, NORM, ACT, POOL),
        *("flatten", DROP, "dense 9", "relu", DROP, "output"),
    ],
    ("after_activation", None): [CONV, ACT, NORM, POOL, *HEAD],
    ("after_activation", "before_normalization"): [CONV, ACT, DROP, NORM, POOL, *HEAD],
    ("after_activation", "after_normalization"): [CONV, ACT, NORM, DROP, POOL, *HEAD],
    ("after_activation", "after_pooling"): [CONV, ACT, NORM, POOL, DROP, *HEAD],
    ("after_activation", "before_dense"): [CONV, ACT, NORM, POOL, "flatten", DROP, "dense 9", "relu", "output"],
    ("after_activation", "before_every_dense"): [
        *(CONV, ACT, NORM, POOL),
        *("flatten", DROP, "dense 9", "relu", DROP, "output"),
    ],
}


def names(configuration: Configuration) -> list[str]:
    return [str(layer) for layer in layer_order(configuration)]


def test_the_table_has_every_combination() -> None:
    assert set(EXPECTED) == {
        (norm, position) for norm in BATCH_NORM_POSITIONS for position in (None, *DROPOUT_POSITIONS)
    }


@pytest.mark.parametrize(("batch_norm", "position"), EXPECTED)
def test_layers_of_a_unit_are_in_order(batch_norm: BatchNormPosition, position: DropoutPosition | None) -> None:
    dropout = (Dropout(position, 0.5),) if position else ()
    configuration = Configuration(blocks=(Block((8,)),), dense=(9,), batch_norm=BatchNorm(batch_norm), dropout=dropout)
    assert names(configuration) == EXPECTED[batch_norm, position]


def test_a_block_pools_once_and_normalizes_every_convolution() -> None:
    configuration = Configuration(blocks=(Block((8, 16)),), dense=(), batch_norm=BatchNorm("before_activation"))
    unit = ["batch_norm", "relu"]
    assert names(configuration) == ["conv 8", *unit, "conv 16", *unit, "max_pool", "flatten", "output"]


def test_of_two_convolutions_the_last_alone_may_be_normalized() -> None:
    norm = BatchNorm("after_activation", convolutions="last")
    dropout = (Dropout("after_normalization", 0.5),)
    configuration = Configuration(blocks=(Block((8, 16)),), dense=(), batch_norm=norm, dropout=dropout)
    assert names(configuration)[:7] == ["conv 8", "relu", DROP, "conv 16", "relu", NORM, DROP]


def test_normalization_after_the_pooling_comes_after_its_dropout_and_may_be_that_of_the_first_blocks() -> None:
    norm, dropout = BatchNorm("after_pooling", blocks=1), (Dropout("after_pooling", 0.5),)
    configuration = Configuration(blocks=(Block((8,)), Block((8,))), dense=(), batch_norm=norm, dropout=dropout)
    assert names(configuration)[:9] == [CONV, ACT, POOL, DROP, NORM, CONV, ACT, POOL, DROP]


def test_dropout_before_the_output_is_the_last_thing_before_it() -> None:
    configuration = Configuration(blocks=(), dense=(9,), dropout=(Dropout("before_output", 0.5),))
    assert names(configuration) == ["flatten", "dense 9", "relu", DROP, "output"]


def test_penalties_are_those_of_the_kernels_that_are_meant() -> None:
    everywhere, convolutions = Regularization(l2=0.1, kernels="all"), Regularization(l2=0.1, kernels="convolutions")
    for regularization, expected in ((everywhere, [0.1, 0.1, 0.1]), (convolutions, [0.1, 0.0, 0.0])):
        configuration = Configuration(blocks=(Block((8,)),), regularization=regularization)
        assert [each.l2 for each in layer_order(configuration) if hasattr(each, "l2")] == expected


def test_a_network_without_blocks_begins_flat() -> None:
    configuration = Configuration(blocks=(), dense=(5, 4), dropout=(Dropout("before_every_dense", 0.25),))
    drop = "dropout 0.25"
    assert names(configuration) == ["flatten", drop, "dense 5", "relu", drop, "dense 4", "relu", drop, "output"]


def test_without_dense_layers_dropout_is_before_the_output() -> None:
    configuration = Configuration(blocks=(), dense=(), dropout=(Dropout("before_dense", 0.25),))
    assert names(configuration) == ["flatten", "dropout 0.25", "output"]


def test_several_dropouts_keep_their_places_and_rates() -> None:
    configuration = Configuration(
        blocks=(Block((8,)),),
        dropout=(Dropout("before_dense", 0.5), Dropout("after_pooling", 0.25), Dropout("before_normalization", 0.1)),
    )
    dropouts = [layer for layer in layer_order(configuration) if isinstance(layer, Drop)]
    assert dropouts == [Drop(0.1, "before_normalization"), Drop(0.25, "after_pooling"), Drop(0.5, "before_dense")]


def test_records_carry_what_the_names_leave_out() -> None:
    configuration = Configuration(blocks=(Block((8,), 5, "valid"),), batch_norm=BatchNorm("after_activation", 0.9))
    conv, _, norm, pool, *_ = layer_order(configuration)
    assert (conv, norm, pool) == (Conv(8, 5, "valid"), Normalize(0.9), MaxPool(2))
    assert str(conv) == "conv 8 5x5 valid"


def test_the_optimizer_changes_no_layer() -> None:
    assert layer_order(Configuration(optimizer=Optimizer("sgd"))) == layer_order(Configuration())


def test_the_drawing_has_a_line_for_each_block_and_one_for_the_rest() -> None:
    configuration = Configuration(blocks=(Block((8, 8)), Block((16,))), dense=(5,))
    assert draw(configuration).splitlines() == [
        "conv 8 -> relu -> conv 8 -> relu -> max_pool",
        "conv 16 -> relu -> max_pool",
        "flatten -> dense 5 -> relu -> output",
    ]
    assert draw(Configuration(blocks=(), dense=())) == "flatten -> output"


def test_the_digits_are_large_enough_for_three_blocks() -> None:
    require_fit(Configuration(), (8, 8, 1))


@pytest.mark.parametrize(
    ("configuration", "shape", "message"),
    [
        (Configuration(), (32, 7, 1), "images of 32x7 pixels are too small: max_pool of block 3 gets 1 pixels a side"),
        (Configuration(blocks=(Block((8,), 5, "valid"),)), (4, 4, 3), "conv 8 5x5 valid of block 1 gets 4 pixels"),
    ],
)
def test_images_that_are_too_small_are_refused(
    configuration: Configuration, shape: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        require_fit(configuration, shape)
