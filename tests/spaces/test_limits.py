"""Limits on sizes of models, as they are typed and as they judge configurations."""

import pytest

from spaces.configuration import Block, Configuration
from spaces.costs import cost_of
from spaces.errors import SpaceError
from spaces.limits import Limits, parse_limits

SHAPE, CLASSES = (8, 8, 1), 10


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("parameters=200k", {"parameters": 200_000.0}),
        ("parameters=1.5M, model_mb=2", {"parameters": 1_500_000.0, "model_mb": 2.0}),
        ("model_mb=0.5", {"model_mb": 0.5}),
    ],
)
def test_limits_are_typed_with_units(text: str, limits: dict[str, float]) -> None:
    assert parse_limits(text) == limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no limit ''|There is no limit"),
        ("parameter=5", "'parameters'"),
        ("parameters", "give NAME=MOST, as in parameters=200k"),
        ("parameters=0", "give NAME=MOST"),
        ("parameters=-3", "give NAME=MOST"),
        ("parameters=nan", "give NAME=MOST"),
        ("parameters=1k,parameters=2k", "gives parameters twice"),
    ],
)
def test_what_is_no_limit_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        parse_limits(text)


def test_a_limit_is_kept_up_to_its_number_and_broken_above() -> None:
    configuration = Configuration(blocks=(Block((8,)),))
    parameters = cost_of(configuration, SHAPE, CLASSES).parameters
    assert Limits(SHAPE, CLASSES, {"parameters": float(parameters)}).broken_by(configuration) is None
    broken = Limits(SHAPE, CLASSES, {"parameters": parameters - 1.0}).broken_by(configuration)
    assert broken == f"parameters {parameters:,} is more than {parameters - 1:,}"
    assert Limits(SHAPE, CLASSES, {"model_mb": parameters * 4 / 1e6}).broken_by(configuration) is None
    assert "model_mb" in str(Limits(SHAPE, CLASSES, {"model_mb": 0.01}).broken_by(configuration))
