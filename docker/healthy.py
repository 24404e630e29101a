"""The health check of the service `worker`: whether a worker of this container is known to the study as alive.

Ends with exit code 0 if one has left a sign of life lately, else with 1 and a sentence, which `docker inspect` shows.
"""

import os
import socket
import sys

from storage import open_study
from storage.errors import StorageError

SILENCE_S = 30.0  # six of a worker's heartbeats


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
    sys.exit(find_fault(os.environ["OPTUNA_STORAGE"], os.environ["SEARCH_STUDY_NAME"], socket.gethostname()))
