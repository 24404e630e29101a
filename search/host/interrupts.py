"""Ctrl-C while a command is getting ready: modules in C that are interrupted as they are imported make another error of
it, with a traceback that means nothing.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_told() -> Iterator[None]:
    """Raises KeyboardInterrupt for whatever error comes out of the block once SIGINT has come. Whoever takes SIGINT for
    itself meanwhile, as `Shutdown` does, isn't concerned.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    come = list[int]()  # no lock: the next signal may come within the handler

    def note(number: int, _frame: FrameType | None) -> None:
        come.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception:
        if come:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
