"""Two signals end a process at once, however close they come."""

import signal
import subprocess
import sys

import pytest

from search.host.ends import End
from search.host.shutdown import Shutdown

# The second signal comes with the line of that number that is run because of the first, or after all of them.
CHILD = """
import signal, sys
from search.host.shutdown import Shutdown

def trace(frame, event, _):
    global lines
    lines -= event == "line"
    if event == "line" and lines == 0:
        signal.raise_signal(signal.SIGTERM)
    return trace

lines = int(sys.argv[1])
with Shutdown(at_once=lambda: print("at once", flush=True)) as shutdown:
    sys.settrace(trace)
    signal.raise_signal(signal.SIGINT)
    sys.settrace(None)
    print("asked for" if shutdown.wait(60) else "unheard", flush=True)
    signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.parametrize("line", range(1, 21))
def test_a_second_signal_ends_a_process_in_whatever_the_first_one_has_it_do(line: int) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, str(line)], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (130, "at once"), done.stderr


def test_signals_that_are_passed_on_and_so_repeated_are_the_same_request() -> None:
    with Shutdown(at_once=lambda: pytest.fail("it was ended at once")) as shutdown:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
        assert (shutdown.requested, shutdown.end) == (True, End.UNFINISHED)


def test_a_hangup_that_is_ignored_stays_ignored_as_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Shutdown() as shutdown:
            signal.raise_signal(signal.SIGHUP)
            assert not shutdown.requested
    finally:
        signal.signal(signal.SIGHUP, before)
