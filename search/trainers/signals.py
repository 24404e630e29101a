"""Trainers leave SIGINT, SIGTERM and SIGHUP to their worker: a signal to a whole process group, as from job managers,
mustn't kill a trainer before its worker has told it to stop.

They use handlers that do nothing instead of ignoring the signals, because programs that a space starts would inherit
the latter.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

FOR_THE_WORKER = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def leave_to_worker() -> None:
    """From now on these signals have no effect on this process; neither does a pending one."""
    for number in FOR_THE_WORKER:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _do_nothing)
            signal.siginterrupt(number, False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_THE_WORKER)


def heed_in_forks() -> None:
    """Makes processes that this one forks, such as those of `multiprocessing`, react to the signals as usual.
    Signals that arrive earlier stay pending until then.
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
    """Blocks these signals for processes started within the block until they call `leave_to_worker`, as they
    would end Python while it starts. This thread gets them after the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_WORKER)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The worker gets the same signal, and sends a Stop."""
