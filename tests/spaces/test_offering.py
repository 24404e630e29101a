"""A space of your own can give any axis other choices and ranges."""

from collections.abc import Mapping, Sequence

import pytest

from spaces.configuration import Configuration, Scalar
from spaces.contract import parameters
from spaces.distributions import Choices, Distribution, Interval
from spaces.dropout import suggest_dropout
from spaces.errors import SpaceError
from spaces.offering import offering
from spaces.optimizer import suggest_optimizer
from spaces.space import Space, Trial
from spaces.width import suggest_width

RATES = (1e-5, 1e-2)


def asked(
    choices: Mapping[str, Sequence[Scalar]], ranges: Mapping[str, tuple[float, float]]
) -> Mapping[str, Distribution]:
    """The parameters of a space of three axes that are offered these."""

    def suggest(trial: Trial) -> Configuration:
        given = offering(trial, choices, ranges)
        return Configuration(
            blocks=suggest_width(given), dropout=suggest_dropout(given), optimizer=suggest_optimizer(given)
        )

    return parameters(Space("own", "which?", suggest))


def test_what_is_named_is_offered_and_the_rest_is_as_the_axes_have_it() -> None:
    ranges = {"learning_rate": RATES, "dropout_rate": (0.2, 0.3)}
    narrow = asked({"optimizer": ("adam", "sgd"), "width": (8, 16)}, ranges)
    assert narrow["optimizer"] == Choices(("adam", "sgd"))
    assert narrow["width"] == Choices((8, 16))
    assert narrow["learning_rate"] == Interval(*RATES, log=True)
    assert narrow["dropout_rate"] == Interval(0.2, 0.3)
    assert narrow["dropout_position"] == asked({}, {})["dropout_position"]


def test_a_number_can_be_one_of_a_few() -> None:
    assert asked({"learning_rate": (1e-3, 1e-2)}, {})["learning_rate"] == Choices((1e-3, 1e-2))


@pytest.mark.parametrize(
    ("choices", "ranges", "said"),
    [
        ({"optimizer": ()}, {}, "optimizer has no choices"),
        ({"learning_rate": (1.0,)}, {"learning_rate": RATES}, "has choices and a range"),
        ({}, {"learning_rate": (1.0, 0.1)}, "lower bound above the upper"),
    ],
)
def test_what_cannot_be_offered_is_refused(
    choices: Mapping[str, Sequence[Scalar]], ranges: Mapping[str, tuple[float, float]], said: str
) -> None:
    with pytest.raises(SpaceError, match=said):
        asked(choices, ranges)
