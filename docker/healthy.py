"""The health check of the services `worker` and `fleet`: whether a worker of this container is known to its study as
alive. One that serves all studies may be between two.

Ends with exit code 0 if one has left a sign of life lately, else with 1 and a sentence, which `docker inspect` shows.
"""

import os
import socket
import sys

from search.study.alive import is_process
from storage import open_study
from storage.errors import StorageError, StudyNotFound
from storage.fleet import workers_on
from storage.queue import open_queue

SILENCE_S = 30.0  # six of a worker's heartbeats


def fleet_fault(url: str, host: str) -> str | None:
    """What is wrong with the workers of a host that serve all studies, None if none of them is silent in a study."""
    try:
        with open_queue(url) as engine:
            workers = workers_on(engine, host)
    except StudyNotFound:
        return None  # nothing was submitted yet
    except StorageError as error:
        return str(error)
    silent = [worker for worker in workers if worker.left is None and is_process(worker.info.pid)]
    if silent and min(worker.age_s for worker in silent) > SILENCE_S:
        return f"the last sign of life of a worker of {host} is {min(worker.age_s for worker in silent):.0f} s old"
    return None


def find_fault(url: str, study_name: str, host: str) -> str | None:
    """What is wrong with the workers of a host, None if one of them is alive."""
    try:
        with open_study(url, study_name) as shared:
            workers = [worker for worker in shared.workers.all() if worker.info.host == host]
    except StorageError as error:
        return str(error)
    if not workers:
        return f"no worker of {host} has registered with the study {study_name!r}"
    present = [worker.age_s for worker in workers if worker.left is None]
    if not present:
        return f"the last worker of {host} has left: {workers[-1].left}"
    if min(present) > SILENCE_S:
        return f"the last sign of life of a worker of {host} is {min(present):.0f} s old"
    return None


if __name__ == "__main__":
    url, study, here = os.environ["OPTUNA_STORAGE"], os.environ["SEARCH_STUDY_NAME"], socket.gethostname()
    sys.exit(find_fault(url, study, here) if study else fleet_fault(url, here))
