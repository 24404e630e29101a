"""Real processes at one database, all at once: nothing is made, claimed or ordered twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from storage.records import Lease, SlotOrder
from storage.study import SharedStudy, create_study
from storage.testkit import LEASE_S, example_manifest
from tests.helpers.paths import ROOT

# Each process says that it is ready, then waits for the word to go, so that they all start in the same moment.
START = """
import json, os, sys
import optuna
from storage.records import Outcome, SlotOrder
from storage.study import create_study, open_study
from storage.testkit import LEASE_S, bound, example_manifest
from storage.transaction import writing

optuna.logging.set_verbosity(optuna.logging.ERROR)
url = sys.argv[1]
def ready():
    print("ready", flush=True)
    sys.stdin.readline()
"""

CREATE = """
ready()
with create_study(url, "demo", example_manifest()) as study:
    added = study.ledger.order_up_to(20, order_of=SlotOrder)
    print(json.dumps([study.created, added]))
"""

CLAIM = """
with open_study(url, "demo") as study:
    ready()
    won = []
    while lease := study.ledger.claim(f"worker-{os.getpid()}", LEASE_S):
        trial = study.study.ask()
        lease = bound(study.ledger, lease, trial.number)
        study.ledger.finish(lease, Outcome(state="complete", value=1.0))
        study.study.tell(trial, 1.0)
        study.ledger.confirm(lease.slot)
        won.append(lease.slot)
    print(json.dumps(won))
"""

DIE_CLAIMING = """
from storage.claiming import claimable
with open_study(url, "demo") as study:
    query = claimable(study.trials.storage.get_study_id_from_name("demo"))
    with writing(study.engine) as connection:
        connection.execute(query).one()
        ready()
"""


@contextmanager
def processes(n: int, script: str, url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """That many processes, up to the point at which they are ready."""
    command = [sys.executable, "-c", START + script, url]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) for _ in range(n)]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def go(started: list[subprocess.Popen[str]]) -> list[list[int]]:
    """Lets them go, all at once; returns what each of them printed."""
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=100)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started)
    return [json.loads(text) for text in said]


def wait_for_slot(study: SharedStudy) -> Lease:
    """The next slot, as soon as the database has seen that a connection is gone."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lease = study.ledger.claim("other", LEASE_S)
        if lease is not None:
            return lease
        time.sleep(0.01)
    raise AssertionError("the slot stays locked")


def test_eight_processes_that_create_a_study_at_once_make_one(empty_storage_url: str) -> None:
    with processes(8, CREATE, empty_storage_url) as started:
        said = go(started)
    assert sum(created for created, _ in said) == 1
    assert sum(added for _, added in said) == 20


def test_four_processes_claim_no_slot_twice(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as study:
        study.ledger.order_up_to(40, order_of=SlotOrder)
        with processes(4, CLAIM, storage_url) as started:
            won = go(started)
        assert Counter(slot for slots in won for slot in slots) == Counter(range(40))
        assert study.ledger.counts().complete == len(study.study.trials) == 40
        assert {slot.token for slot in study.ledger.slots()} == {1}


def test_a_worker_killed_while_claiming_leaves_the_slot_to_others(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as study:
        study.ledger.order_up_to(1, order_of=SlotOrder)
        with processes(1, DIE_CLAIMING, storage_url) as (process,):
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            lease = wait_for_slot(study)
        assert (lease.slot, lease.token) == (0, 1)
