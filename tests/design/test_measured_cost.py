"""One rule for what is cheaper, wherever one of several that are as good is recommended."""

import pytest

from search.design.measured_cost import MeasuredCost, cheapest


@pytest.mark.parametrize(
    ("costs", "chosen"),
    [
        ([(200, 0.1), (100, 9.0), (100, 8.0)], 1),  # parameters first; times within a quarter are equal
        ([(100, 9.0), (100, 7.0)], 1),
        ([(100, 1.2), (100, 1.0), (100, 1.1)], 0),
        ([(None, 0.1), (100, None), (100, 5.0)], 2),  # what isn't known counts as more
        ([(None, 2.0), (None, 1.0)], 1),
        ([(None, None), (None, None)], 0),
    ],
)
def test_the_cheapest_has_the_fewest_parameters_and_then_takes_hardly_longer_than_the_fastest(
    costs: list[tuple[float | None, float | None]], chosen: int
) -> None:
    assert cheapest([MeasuredCost(*cost) for cost in costs]) == chosen
