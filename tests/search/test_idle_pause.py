"""A worker without anything to do asks less and less often, and never late for what becomes free."""

import random

from hypothesis import given
from hypothesis import strategies as st

from search.workers.idle_pause import JITTER, LONGEST_S, SHORTEST_S, idle_pause


def questions(seconds: float, seed: int) -> list[float]:
    """When a worker asks that is idle for so long."""
    source, asked, now = random.Random(seed), list[float](), 0.0
    while now < seconds:
        asked.append(now)
        now += idle_pause(now, source)
    return asked


@given(idle_s=st.floats(0, 1e6), seed=st.integers(0, 1000))
def test_what_becomes_free_waits_for_a_share_of_the_idle_time_and_ten_seconds_at_most(idle_s: float, seed: int) -> None:
    pause = idle_pause(idle_s, random.Random(seed))
    assert SHORTEST_S * (1 - JITTER) <= pause <= LONGEST_S * (1 + JITTER)
    assert pause <= max(SHORTEST_S, idle_s / 4) * (1 + JITTER)


@given(seed=st.integers(0, 1000))
def test_an_idle_hour_costs_hundreds_of_questions_instead_of_thousands(seed: int) -> None:
    assert len(questions(3600, seed)) < 450


def test_workers_that_start_together_do_not_ask_together() -> None:
    assert len({round(questions(60, seed)[-1], 3) for seed in range(50)}) > 45
