"""The fleet that serves all studies of a database: where its files are, and how it is now."""

import math
from dataclasses import dataclass, replace

from search.cluster.checks import require_server
from search.cluster.engine import Engine
from search.cluster.engines import engine_of
from search.cluster.file_systems import file_system
from search.cluster.fleet import Fleet, Job, job_name
from search.cluster.options import ClusterOptions, worker_flags
from search.cluster.standing import PlaceStatus, Standing, joined
from search.errors import UsageError
from search.study.folders import JOBS, default_artifacts
from storage import check_url
from storage.errors import StudyNotFound
from storage.fingerprint import fingerprint
from storage.fleet import FleetLook, look_at_fleet
from storage.queue import open_queue
from storage.url import parse

NAME_DIGITS = 8
NO_STUDY = ""


@dataclass(frozen=True)
class SharedFleet:
    """The fleet, and the engine that has its jobs. Its workers come and go between studies."""

    url: str
    fleet: Fleet
    engine: Engine
    workers_per_job: int

    def jobs(self) -> tuple[Job, ...]:
        """The engine's jobs."""
        return self.engine.list(self.fleet)

    def look(self) -> FleetLook:
        """The workers of all studies that run in this engine's jobs."""
        try:
            with open_queue(self.url) as database:
                return look_at_fleet(database, job_name(self.engine.name, ""))
        except StudyNotFound:  # nothing was ever submitted
            return FleetLook((), frozenset(), 0.0)

    def places(self) -> tuple[PlaceStatus, ...]:
        """The jobs joined with the workers. Between two studies a worker is registered nowhere: it is idle."""
        jobs, look = self.jobs(), self.look()
        own = {job_name(self.engine.name, job.job_id) for job in jobs}
        workers = tuple(worker for worker in look.workers if worker.info.job in own)
        known = {worker.info.job for worker in workers}
        places = joined(self.engine.name, jobs, Standing(workers, look.busy, look.now))
        return tuple(
            replace(place, state="idle")
            if place.state == "starting" and job_name(self.engine.name, place.job) in known
            else place
            for place in places
        )


def shared_fleet(options: ClusterOptions) -> SharedFleet:
    """The fleet that the flags describe.

    Raises:
        UsageError: its database can't be shared by hosts.
    """
    require_server(options.storage)
    url = check_url(options.storage)
    artifacts = options.artifacts or default_artifacts(options.storage)
    database = fingerprint(parse(url))[:NAME_DIGITS]
    fleet = Fleet(
        name=f"search-fleet-{database}",
        study_name=NO_STUDY,
        worker=(f"--studies={options.studies}", f"--idle-exit={options.idle_exit}", *worker_flags(options)),
        folder=(artifacts / ".fleet" / f"{JOBS}-{database}").absolute(),
        storage=options.storage,
        resources=options.resources,
        pods=options.pods,
        python=options.python,
        module_path=options.module_path,
        setup=options.setup,
    )
    per_job = options.n_workers or options.resources.gpus or options.resources.cpus
    return SharedFleet(options.storage, fleet, engine_of(options.on), per_job)


def require_shared_folder(site: SharedFleet, *, said_so: bool) -> None:
    """Raises UsageError unless the nodes see the fleet's folder, if it needs one."""
    if said_so or not site.engine.writes_files or site.engine.shares_files(site.fleet):
        return
    raise UsageError(
        f"the jobs' script would be in {site.fleet.folder}, on a disk of this host ({file_system(site.fleet.folder)}): "
        "give --artifacts in a folder that all nodes share; if this one is shared, say so with --shared-artifacts"
    )


def jobs_for(workers: int, per_job: int) -> int:
    """How many jobs have that many workers."""
    return math.ceil(max(0, workers) / per_job)
