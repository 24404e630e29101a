"""Signals that ask for an end are the worker's affair: whoever signals a whole group of processes, as job managers do,
must not kill a trainer before its worker has asked it to stop.

Handlers that do nothing stand for ignoring them: what a space starts as another program doesn't inherit those.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

FOR_THE_WORKER = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def leave_to_worker() -> None:
    """From now on these signals do nothing to this process; one that was held back has done nothing either."""
    for number in FOR_THE_WORKER:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _do_nothing)
            signal.siginterrupt(number, False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_THE_WORKER)


def heed_in_forks() -> None:
    """Processes that this one forks, such as those of `multiprocessing`, can be ended as any others. What comes
    before they have their handlers waits for that.
    """
    before = threading.local()

    def hold_back() -> None:
        before.mask = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_WORKER)

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before.mask)

    def heed() -> None:
        for number in FOR_THE_WORKER:
            if signal.getsignal(number) is _do_nothing:
                signal.signal(number, signal.SIG_DFL)
        let_through()

    os.register_at_fork(before=hold_back, after_in_parent=let_through, after_in_child=heed)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """What is started within the block gets none of these signals before it calls `leave_to_worker`: until then, while
    Python starts, they would end it. This thread gets them after the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_WORKER)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The worker is told the same, and sends a Stop."""
