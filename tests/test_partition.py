"""Two hosts, one of which is cut off from the database for longer than its lease while it trains.

The hosts are network namespaces, and the database has one, too; the test makes them, with 10.213.0.0/16 between them.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from chaos_checks import MUST_BE_ZERO, examine
from chaos_fleet import NAME, make_study
from own_postgres import OwnPostgres, own_postgres
from psycopg import sql

from storage import SharedStudy, open_study

WORKER = Path(__file__).parents[1] / "benchmarks" / "stub_worker.py"
N_TRIALS = 8
PATIENCE_S = 180.0


def why_not() -> str | None:
    """Why there can be no namespaces here, None if there can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip") or not shutil.which("runuser"):
        return "network namespaces need ip (iproute2) and runuser"
    tried = subprocess.run(["ip", "netns", "add", "search-try"], capture_output=True, text=True)
    if tried.returncode:
        return f"network namespaces can't be made here: {tried.stderr.strip()}"
    ip("netns", "del", "search-try")
    return None


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@dataclass
class Host:
    """A host with a link to the database's."""

    namespace: str
    link: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def work(self, url: str) -> None:
        """Starts a worker whose epochs take a while."""
        command = ["ip", "netns", "exec", self.namespace, sys.executable, str(WORKER)]
        with (self.folder / f"{self.namespace}.log").open("wb") as output:
            self.process = subprocess.Popen(
                [*command, url, NAME, str(self.folder), "0.3", "0.4"], stdout=output, stderr=output
            )

    def cut_off(self) -> None:
        ip("-n", self.namespace, "link", "set", self.link, "down")

    def reconnect(self) -> None:
        ip("-n", self.namespace, "link", "set", self.link, "up")

    @property
    def said(self) -> str:
        """The worker's log."""
        return (self.folder / f"{self.namespace}.log").read_text()


@dataclass
class Network:
    """The database's namespace, and two hosts linked with it."""

    database: str
    hosts: tuple[Host, Host]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    mark = f"s{os.getpid() % 100000}"
    names = [f"{mark}-{role}" for role in ("db", "one", "two")]
    for name in names:
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    hosts = []
    for number, name in enumerate(names[1:], 1):
        near, far = f"{mark}h{number}", f"{mark}d{number}"
        ip("link", "add", near, "netns", name, "type", "veth", "peer", "name", far, "netns", names[0])
        for namespace, link, last in ((name, near, 2), (names[0], far, 1)):
            ip("-n", namespace, "addr", "add", f"10.213.{number}.{last}/24", "dev", link)
            ip("-n", namespace, "link", "set", link, "up")
        hosts.append(Host(name, near, tmp_path))
    yield Network(names[0], (hosts[0], hosts[1]))
    for host in hosts:
        if host.process is not None:
            host.process.kill()
            host.process.wait()
    for name in names:
        ip("netns", "del", name)


@pytest.fixture
def server(network: Network) -> Iterator[OwnPostgres]:
    with own_postgres("10.213.1.1,10.213.2.1", network.database) as running:
        yield running


def give_password(server: OwnPostgres) -> str:
    """Lets the hosts in, with a password of this run."""
    password = secrets.token_hex(16)
    server.allow("host all postgres 10.213.0.0/16 scram-sha-256")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(password))
        connection.execute("SELECT pg_reload_conf()")
    return password


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain for {what}"
        time.sleep(0.05)
    return found


def slots_in_training(shared: SharedStudy) -> list[int]:
    """The slots of which an epoch has been recorded, and that aren't done."""
    begun = {row.trial_number for row in shared.ledger.all_epochs()}
    return [slot.slot for slot in shared.ledger.slots() if slot.state == "leased" and slot.trial_number in begun]


@pytest.mark.long
def test_a_host_that_is_cut_off_loses_its_trial_and_its_late_reports_are_refused(
    network: Network, server: OwnPostgres, tmp_path: Path
) -> None:
    password = give_password(server)
    make_study(server.url, tmp_path, N_TRIALS, seed=0, pruner="none")
    cut, other = network.hosts
    with open_study(server.url, NAME) as shared:
        cut.work(f"postgresql://postgres:{password}@10.213.1.1/postgres")
        (slot,) = wait_until(lambda: slots_in_training(shared), "an epoch of the first host")
        cut.cut_off()
        other.work(f"postgresql://postgres:{password}@10.213.2.1/postgres")
        wait_until(lambda: shared.ledger.slots()[slot].token == 2, "the other host to take the trial over")
        cut.reconnect()
        wait_until(lambda: f"slot {slot} was taken over (token 2" in cut.said, "the late reports to be refused")
        wait_until(lambda: shared.ledger.counts().finished == N_TRIALS, "the end of the study")
        ends = [host.process.wait(PATIENCE_S) for host in network.hosts if host.process is not None]
        workers = [row.worker_id for row in shared.ledger.slots()]
    found = examine(server.url, NAME, tmp_path / "begun.jsonl", ())
    assert ends == [0, 0]
    assert {name: found[name] for name in MUST_BE_ZERO if found[name]} == {}
    assert found["complete"] == N_TRIALS
    assert password not in cut.said
    assert len(set(workers)) == 2
    assert later_trials(cut, slot), "the host that had been cut off worked on other slots afterwards"


def later_trials(host: Host, slot: int) -> int:
    """How many trials the host's worker finished after it had lost its slot."""
    return host.said.partition(f"slot {slot} was taken over")[2].count(" complete after ")
