"""Times on the command line: seconds, or as people say them."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.commands.durations import Duration, in_units

POSITIVE = Duration(0, min_open=True)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("90", 90.0),
        ("1e-6", 1e-6),
        ("90s", 90.0),
        ("30m", 1800.0),
        ("2h", 7200.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("2D", 172_800.0),
        ("1d12h5m30s", 129_930.0),
        (4.5, 4.5),
    ],
)
def test_what_can_be_typed(typed: object, seconds: float) -> None:
    assert POSITIVE.convert(typed, None, None) == seconds


@pytest.mark.parametrize("typed", ["", "0", "0m", "-5m", "5x", "m", "30m1h", "1h1h", "1,5h", "five"])
def test_what_cannot_be_typed_is_refused_with_what_can(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="isn't a number above 0, in seconds, or a time such as 90s, 30m, 2h"):
        POSITIVE.convert(typed, None, None)


@given(days=st.integers(0, 30), hours=st.integers(0, 40), minutes=st.integers(0, 99), seconds=st.integers(1, 99))
def test_the_parts_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    typed = f"{days}d{hours}h{minutes}m{seconds}s"
    assert POSITIVE.convert(typed, None, None) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(600.0, "10m"), (60.0, "1m"), (90.0, "90s"), (7200.0, "2h"), (0.5, "0.5s")]
)
def test_a_time_is_shown_as_it_can_be_typed(seconds: float, text: str) -> None:
    assert in_units(seconds) == text
    assert POSITIVE.convert(text, None, None) == seconds
