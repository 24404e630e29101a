"""Jobs for the fleet that serves all studies: as many as open trials ask for. They are only ever added.

A job ends by itself when no study has needed it for a while. Which study it serves is decided by its workers, as
everywhere (`storage/queue.py`).
"""

import fnmatch
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search.cluster.fleet import STAYING, Job, job_name
from search.cluster.serving_all import SharedFleet, jobs_for
from search.cluster.standing import in_words
from search.errors import InfrastructureError
from search.host.shutdown import Shutdown
from search.study.alive import is_alive
from storage.errors import StudyNotFound
from storage.fleet import FleetLook
from storage.queue import QueueEntry, open_queue, queue_entries
from storage.retry import retry_while_unreachable

log = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Demand:
    """What one look found: how many workers open trials ask for beyond those at work, how many of the fleet's workers
    are on their way or without work, and its jobs.
    """

    wanted: int
    spare: int
    jobs: tuple[Job, ...]
    any_joined: bool

    @property
    def staying(self) -> tuple[Job, ...]:
        """The jobs that are queued or run."""
        return tuple(job for job in self.jobs if job.state in STAYING)

    @property
    def failed(self) -> tuple[Job, ...]:
        """The jobs that ended with an error, as long as the engine remembers them."""
        return tuple(job for job in self.jobs if job.state == "failed")

    def missing(self, per_job: int, max_jobs: int) -> int:
        """How many jobs to add. One first, until it is known that jobs find their database; none while it is getting
        ready. Failed ones count as there: whatever fails isn't repeated at once.
        """
        room = max_jobs - len(self.staying) - len(self.failed)
        wanted = min(room, jobs_for(self.wanted - self.spare, per_job))
        if not self.any_joined and any(job.state == "running" for job in self.staying):
            wanted = 0
        if not self.any_joined and not self.staying:
            wanted = min(wanted, 1)
        return max(0, wanted)


def autoscale(site: SharedFleet, studies: str, max_jobs: int, every_s: float | None, say: Say) -> None:
    """Adds jobs as they are needed: once, or repeatedly, this many seconds apart, until a signal.

    Raises:
        UsageError: the engine refuses a job, or isn't here.
        InfrastructureError: jobs fail before their workers join a study; or the engine doesn't answer the first time.
    """
    say(one_pass(site, studies, max_jobs))
    if every_s is None:
        return
    with Shutdown() as shutdown:
        while not shutdown.wait(every_s):
            try:
                say(
                    retry_while_unreachable(
                        lambda: one_pass(site, studies, max_jobs), give_up=lambda: shutdown.requested
                    )
                )
            except JobsFail:
                raise
            except InfrastructureError as error:
                log.warning("no look at the jobs: %s", error)


class JobsFail(InfrastructureError):
    """The fleet's jobs end before their workers join a study."""


def one_pass(site: SharedFleet, studies: str, max_jobs: int) -> str:
    """Looks at what is open, and submits what is missing; returns what was done, in a sentence.

    Raises:
        JobsFail: a job failed, and none has ever joined a study.
    """
    demand = look(site, studies)
    if demand.failed and not demand.staying and not demand.any_joined:
        job = demand.failed[-1]
        said = site.engine.last_words(site.fleet, job)
        raise JobsFail(
            f"the job {job.job_id} ended before its workers joined a study ({job.reason or job.state}), and no other "
            f"was submitted{said.ending()}"
        )
    missing = demand.missing(site.workers_per_job, max_jobs)
    if missing:
        site.engine.submit(site.fleet, missing)
    return f"open trials ask for {demand.wanted} more workers; submitted {missing}. Now {in_words(site.places())}."


def look(site: SharedFleet, studies: str) -> Demand:
    """What is open, and what the fleet has."""
    jobs, found = site.jobs(), site.look()
    try:
        with open_queue(site.url) as database:
            entries = queue_entries(database)
    except StudyNotFound:  # nothing was ever submitted
        entries = []
    names = {job_name(site.engine.name, job.job_id) for job in jobs}
    joined = any(worker.info.job in names for worker in found.workers)
    wanted = wanted_workers([entry for entry in entries if fnmatch.fnmatchcase(entry.name, studies)])
    return Demand(wanted, spare_workers(site, jobs, found), jobs, any_joined=joined)


def wanted_workers(entries: Sequence[QueueEntry]) -> int:
    """How many more workers the studies can use."""
    return sum(max(0, entry.room) for entry in entries)


def spare_workers(site: SharedFleet, jobs: Sequence[Job], found: FleetLook) -> int:
    """How many of the fleet's workers aren't in a study: those of jobs that wait or are starting, and idle ones."""
    staying = {job_name(site.engine.name, job.job_id) for job in jobs if job.state in STAYING}
    there = sum(worker.info.job in staying and is_alive(worker) for worker in found.workers)
    return max(0, len(staying) * site.workers_per_job - there)
