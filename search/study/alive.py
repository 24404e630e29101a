"""Whether a worker of the study is still there."""

import socket

import psutil

from storage.records import WorkerRow

ALIVE_S = 20.0


def is_alive(worker: WorkerRow) -> bool:
    """Whether a worker has given a sign of life lately; one of this host must still be a process, too."""
    if worker.left is not None or worker.age_s > ALIVE_S:
        return False
    return worker.info.host != socket.gethostname() or is_process(worker.info.pid)


def is_process(pid: int) -> bool:
    """Whether there is a process of that number; one that was killed and that nobody has buried yet is none."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
