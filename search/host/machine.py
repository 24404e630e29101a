"""This machine's resources for workers."""

import os
import platform
from pathlib import Path

import psutil

from search.errors import UsageError
from search.host.cgroup import container_limits

WORKER_MEMORY_BYTES = 1_500_000_000  # a worker with its trainer on small images, measured at 0.9 to 1.3 GB
CPU_INFO = Path("/proc/cpuinfo")
THREADS_VARIABLE = "SEARCH_THREADS"
SHARE_VARIABLE = "SEARCH_PROCESSORS"  # set for each of several workers by the process that starts them
SMALL_BATCH = 2**14  # pixels; measured: a second thread gains nothing at a quarter of it, and 60 % at three times that


def usable_processors() -> int:
    """The number of processors that this process may use, limited by its affinity and its container."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = container_limits().processors
    return here if limit is None else max(1, min(here, int(limit)))


def free_memory() -> int:
    """The free memory in bytes, of the machine and of this process's container."""
    free, limit = psutil.virtual_memory().available, container_limits().memory_free
    return free if limit is None else min(free, limit)


def processor() -> str:
    """The processor's name, as the system gives it."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def instructions() -> str:
    """What tells apart processors that have different instructions, as far as the system says."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("flags", "Features"))]
    return " ".join([processor(), *names[:1]])


def default_workers() -> int:
    """One worker per processor, as far as memory allows: small models train best on one thread each."""
    by_memory = free_memory() // WORKER_MEMORY_BYTES
    return max(1, min(usable_processors(), by_memory))


def threads_wanted() -> int | None:
    """The number of threads that SEARCH_THREADS asks for; None if it isn't set.

    Raises:
        UsageError: it isn't a number of threads.
    """
    return _number_of(THREADS_VARIABLE)


def threads_each(workers: int = 1) -> int:
    """How many threads each of N trainers may use: SEARCH_THREADS, else a fair share of the processors.

    Raises:
        UsageError: SEARCH_THREADS isn't a number of threads.
    """
    share = (_number_of(SHARE_VARIABLE) or usable_processors()) // workers
    return threads_wanted() or max(1, share)


def threads_for(batch_pixels: int, most: int) -> int:
    """How many threads a trainer uses for batches with this many pixels: SEARCH_THREADS, else one for small batches,
    whose results then don't depend on the number of workers either.

    Raises:
        UsageError: SEARCH_THREADS isn't a number of threads.
    """
    return threads_wanted() or (1 if batch_pixels < SMALL_BATCH else most)


def _number_of(variable: str) -> int | None:
    given = os.environ.get(variable)
    if not given:
        return None
    if not given.isdecimal() or int(given) < 1:
        raise UsageError(f"{variable} is {given!r}: set it to a whole number, 1 or more, or unset it")
    return int(given)
