"""Whether a worker of the study is alive."""

import socket

import psutil

from storage.queue import ALIVE_S
from storage.records import WorkerRow


def is_alive(worker: WorkerRow) -> bool:
    """Whether a worker has sent a heartbeat lately; on this host its process must exist, too."""
    if worker.left is not None or worker.age_s > ALIVE_S:
        return False
    return worker.info.host != socket.gethostname() or is_process(worker.info.pid)


def is_process(pid: int) -> bool:
    """Whether the process exists; a zombie doesn't count."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
