"""Processes that tests look for and end."""

import os
import signal

import psutil

from search.trainers.requests import TRAINER_NAME


def kill_child(pid: int) -> None:
    """Ends a child of this process with SIGKILL, and leaves it to others to notice.

    A process with threads can look like a zombie while some of them are still ending and it can't be waited for yet.
    """
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_of(process: psutil.Process, role: str) -> bool:
    """Whether it has that role; a trainer that was forked has the command of its server."""
    try:
        if process.name() == TRAINER_NAME:
            return role == "trainer"
        return f"search.{role}" in process.cmdline()
    except psutil.Error:
        return False
