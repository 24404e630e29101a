"""How long a worker that finds nothing to claim waits before it asks again: the longer it has waited, the longer.

A thousand idle workers that ask twice a second cost a database more than a thousand that train. What becomes free is
claimed after at most a quarter of the time for which the worker has been idle.
"""

import random

SHORTEST_S = 0.5
LONGEST_S = 10.0
SHARE = 0.25
JITTER = 0.25  # of the pause, so that workers that start together don't ask together


def idle_pause(idle_s: float, source: random.Random) -> float:
    """The seconds until the next question of a worker that has been idle for `idle_s` seconds."""
    pause = min(max(SHORTEST_S, SHARE * idle_s), LONGEST_S)
    return pause * source.uniform(1 - JITTER, 1 + JITTER)
