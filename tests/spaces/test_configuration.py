"""Configurations go through JSON unchanged, and those that can't be built are refused."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.configuration import (
    CONVOLUTION_DROPOUTS,
    EVERY_BATCH_NORM_POSITION,
    EVERY_DROPOUT_POSITION,
    EVERY_OPTIMIZER,
    HEAD_DROPOUTS,
    Activation,
    Augmentation,
    BatchNorm,
    Block,
    Configuration,
    Convolutions,
    Dropout,
    EarlyStopping,
    Inputs,
    Kernels,
    Optimizer,
    Padding,
    Pixels,
    Regularization,
    Schedule,
)
from spaces.errors import ConfigurationError

WIDTHS = st.integers(1, 4096)
SHARES = st.floats(0, 1, exclude_max=True)
EXTRA = st.one_of(
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
BLOCKS = st.builds(
    Block,
    filters=st.lists(WIDTHS, min_size=1, max_size=3).map(tuple),
    kernel=st.integers(1, 9),
    padding=st.sampled_from(get_args(Padding)),
)
SCHEDULE = st.one_of(
    st.sampled_from([Schedule(), Schedule("cosine")]),
    st.builds(Schedule, st.just("inverse_time"), st.floats(1e-9, 1)),
)
PENALTY = st.floats(0, 1e6)
AUGMENTATION = st.one_of(
    st.builds(Augmentation, st.booleans(), shift=st.integers(0, 9)),
    st.builds(Augmentation, st.booleans(), crop=st.integers(0, 9)),
)
OF_TODAY = (
    '{"activation":"relu","batch_norm":{"momentum":null,"position":"none"},'
    '"blocks":[{"filters":[32],"kernel":3,"padding":"same"},{"filters":[64],"kernel":3,"padding":"same"},'
    '{"filters":[128],"kernel":3,"padding":"same"}],"dense":[128],"dropout":[],"extra":{},'
    '"optimizer":{"learning_rate":0.001,"momentum":0.0,"name":"adam"}}'
)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    blocks = tuple(draw(st.lists(BLOCKS, max_size=3)))
    positions = st.sampled_from([p for p in EVERY_DROPOUT_POSITION if blocks or p not in CONVOLUTION_DROPOUTS])
    chosen = draw(st.lists(positions, unique=True).filter(lambda c: len({*c} & {*HEAD_DROPOUTS}) <= 1))
    return Configuration(
        blocks=blocks,
        dense=tuple(draw(st.lists(WIDTHS, max_size=3))),
        activation=draw(st.sampled_from(get_args(Activation))),
        batch_norm=BatchNorm(
            draw(st.sampled_from(EVERY_BATCH_NORM_POSITION)) if blocks else "none",
            draw(st.none() | SHARES),
            draw(st.sampled_from(get_args(Convolutions))),
            draw(st.none() | st.integers(1, 3)),
        ),
        dropout=tuple(Dropout(position, draw(SHARES)) for position in chosen),
        optimizer=Optimizer(
            draw(st.sampled_from(EVERY_OPTIMIZER)),
            draw(st.floats(1e-300, 1e300, exclude_min=True)),
            draw(SHARES),
            draw(st.booleans()),
            draw(st.none() | SHARES),
            schedule=draw(SCHEDULE),
        ),
        extra=draw(st.dictionaries(st.text(), EXTRA, max_size=4)),
        negative_slope=draw(SHARES),
        regularization=draw(st.builds(Regularization, PENALTY, PENALTY, st.sampled_from(get_args(Kernels)))),
        early_stopping=draw(st.none() | st.builds(EarlyStopping, st.integers(1, 99), restore_best=st.booleans())),
        inputs=draw(st.builds(Inputs, st.sampled_from(get_args(Pixels)), AUGMENTATION)),
        shuffled_labels=draw(st.booleans()),
    )


@given(configurations())
def test_every_configuration_goes_through_json_unchanged(configuration: Configuration) -> None:
    text = configuration.to_json()
    again = Configuration.from_json(text)
    assert again == configuration
    assert again.to_json() == text
    assert {name: type(value) for name, value in again.extra.items()} == {
        name: type(value) for name, value in configuration.extra.items()
    }


def test_the_json_of_the_first_release_loads_and_is_written_again() -> None:
    assert Configuration.from_json(OF_TODAY) == Configuration()
    assert Configuration().to_json() == OF_TODAY


def test_what_is_said_though_it_is_the_default_is_left_out_all_the_same() -> None:
    said = Configuration(negative_slope=0.4 / 2, inputs=Inputs("scaled", Augmentation()), early_stopping=None)
    assert said.to_json() == OF_TODAY


def test_json_is_one_line_with_sorted_keys() -> None:
    first = Configuration(extra={"b": 1, "a": 2}).to_json()
    assert first == Configuration(extra={"a": 2, "b": 1}).to_json()
    assert "\n" not in first


def untyped(value: str) -> Any:
    """A value in a file of your own, which isn't checked for types."""
    return value


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "an unknown schedule": (lambda: Schedule(untyped("cosin")), "no schedule 'cosin'. Did you mean 'cosine'?"),
    "a decay without its schedule": (lambda: Schedule("cosine", 0.1), "belongs to the schedule inverse_time"),
    "inverse time without a decay": (lambda: Schedule("inverse_time"), "belongs to the schedule inverse_time"),
    "a negative penalty": (lambda: Regularization(l2=-1.0), "l2 is 0 or more and finite, not -1.0"),
    "a penalty of no kernels": (lambda: Regularization(kernels=untyped("dense")), "no choice of kernels 'dense'"),
    "no patience": (lambda: EarlyStopping(0), "patience is 1 epoch or more, not 0"),
    "endless patience for nothing": (lambda: EarlyStopping(None), "without patience never stops"),
    "an unknown monitor": (lambda: EarlyStopping(3, untyped("loss")), "no quantity to monitor 'loss'"),
    "unknown pixels": (lambda: Inputs(untyped("zac")), "no treatment of pixels 'zac'"),
    "a shift by less than nothing": (lambda: Augmentation(shift=-1), "shift is a number of pixels, 0 or more, not -1"),
    "two ways to move": (lambda: Augmentation(shift=1, crop=1), "shift and crop both move the image"),
    "a beta of one": (lambda: Optimizer(beta_2=1.0), "beta_2 lies in [0, 1), not at 1.0"),
    "a negative weight decay": (lambda: Optimizer("adamw", weight_decay=-1.0), "weight_decay is 0 or more"),
    "batch normalization of no blocks": (lambda: BatchNorm("after_pooling", blocks=0), "of 1 block or more, not 0"),
    "a slope that is none": (lambda: Configuration(negative_slope=1.0), "a negative slope lies in [0, 1)"),
    "dropout twice before the output": (
        lambda: Configuration(dropout=(Dropout("before_output", 0.1), Dropout("before_every_dense", 0.2))),
        "leave before_output out",
    ),
    "dropout twice at one place": (
        lambda: Configuration(dense=(), dropout=(Dropout("before_output", 0.1), Dropout("before_dense", 0.2))),
        "before_dense and before_output are one place",
    ),
    "an unknown optimizer": (
        lambda: Optimizer(untyped("adaam")),
        "no optimizer 'adaam'. Did you mean 'adam'? Valid: sgd, mo",
    ),
    "an unknown activation": (
        lambda: Configuration(activation=untyped("rellu")),
        "no activation 'rellu'. Did you mean 'relu'?",
    ),
    "an unknown dropout position": (lambda: Dropout(untyped("after_pool"), 0.1), "Did you mean 'after_pooling'?"),
    "an unknown batch norm position": (
        lambda: BatchNorm(untyped("before")),
        "no position of batch normalization 'before'",
    ),
    "an unknown padding": (lambda: Block((8,), padding=untyped("sme")), "no padding 'sme'. Did you mean 'same'?"),
    "a rate of one": (lambda: Dropout("after_pooling", 1.0), "a dropout rate lies in [0, 1), not at 1.0"),
    "a learning rate of zero": (lambda: Optimizer(learning_rate=0), "positive and finite, not 0"),
    "an infinite learning rate": (lambda: Optimizer(learning_rate=float("inf")), "positive and finite, not inf"),
    "a learning rate that isn't a number": (lambda: Optimizer(learning_rate=float("nan")), "finite, not nan"),
    "a momentum of one": (lambda: Optimizer("momentum", momentum=1.0), "momentum lies in [0, 1), not at 1.0"),
    "averages that never move": (lambda: BatchNorm(momentum=1.0), "lies in [0, 1), not at 1.0"),
    "a block without convolutions": (lambda: Block(()), "at least one convolution, such as filters=(32,)"),
    "a convolution without filters": (lambda: Block((8, 0)), "filters must be 1 or more, not (8, 0)"),
    "a kernel of no pixels": (lambda: Block((8,), kernel=0), "kernel must be 1 or more, not 0"),
    "a dense layer without units": (lambda: Configuration(dense=(0,)), "dense widths must be 1 or more, not (0,)"),
    "a position twice": (
        lambda: Configuration(dropout=(Dropout("after_pooling", 0.1), Dropout("after_pooling", 0.2))),
        "a dropout position is given twice",
    ),
    "dropout twice before the first dense layer": (
        lambda: Configuration(dropout=(Dropout("before_dense", 0.1), Dropout("before_every_dense", 0.2))),
        "leave before_dense out",
    ),
    "dropout after poolings that aren't there": (
        lambda: Configuration(blocks=(), dropout=(Dropout("after_pooling", 0.1),)),
        "a network without blocks has no place for dropout after_pooling",
    ),
    "batch normalization of convolutions that aren't there": (
        lambda: Configuration(blocks=(), batch_norm=BatchNorm("before_activation")),
        "a network without blocks has none",
    ),
    "an extra that JSON hasn't": (lambda: Configuration(extra={"x": float("nan")}), "extra 'x' must be finite"),
    "a text that isn't JSON": (lambda: Configuration.from_json("{"), "this isn't a configuration"),
    "an unknown field": (lambda: Configuration.from_json('{"depth": 3}'), "unknown field `depth`"),
    "a value out of its range in JSON": (
        lambda: Configuration.from_json('{"dropout": [{"position": "before_dense", "rate": 2}]}'),
        "a dropout rate lies in [0, 1), not at 2",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_built_is_refused(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        make()
