"""Every choice that a configuration offers is one: it changes the layers, or training takes it by its name."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from spaces.configuration import BatchNorm, Block, Configuration, Dropout, Regularization
from spaces.layers import layer_order
from spaces.record import Record

DEEP = (Block((8, 8)),)
NORMALIZED = BatchNorm("before_activation")

# Where a choice is seen in the layers: a configuration that has it.
IN_LAYERS: dict[tuple[str, str], Callable[[Any], Configuration]] = {
    ("Configuration", "activation"): lambda name: Configuration(activation=name),
    ("Block", "padding"): lambda name: Configuration((Block((8,), padding=name),)),
    ("BatchNorm", "position"): lambda name: Configuration(batch_norm=BatchNorm(name)),
    ("BatchNorm", "convolutions"): lambda name: Configuration(
        DEEP, batch_norm=BatchNorm("before_activation", convolutions=name)
    ),
    ("Dropout", "position"): lambda name: Configuration(
        dense=(8, 8), batch_norm=NORMALIZED, dropout=(Dropout(name, 0.5),)
    ),
    ("Regularization", "kernels"): lambda name: Configuration(regularization=Regularization(l1=0.1, kernels=name)),
}
# What training takes by its name; types see to it that every name is known there.
IN_TRAINING = {
    ("Configuration", "class_weight"),
    ("Optimizer", "name"),
    ("Schedule", "name"),
    ("EarlyStopping", "monitor"),
    ("Inputs", "pixels"),
}


def choices(record: type[Record]) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """The fields of a record, and of the records in it, that are one of several names."""
    for field, hint in get_type_hints(record).items():
        for part in (hint, *get_args(hint)):
            if get_origin(part) is Literal:
                yield (record.__name__, field), get_args(part)
            elif isinstance(part, type) and issubclass(part, Record):
                yield from choices(part)


CHOICES = dict(choices(Configuration))


def test_it_is_known_of_every_choice_where_it_is_seen() -> None:
    assert set(CHOICES) == set(IN_LAYERS) | IN_TRAINING


@pytest.mark.parametrize("choice", IN_LAYERS, ids=".".join)
def test_each_name_gives_other_layers(choice: tuple[str, str]) -> None:
    names = CHOICES[choice]
    assert len({layer_order(IN_LAYERS[choice](name)) for name in names}) == len(names)
