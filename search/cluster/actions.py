"""What `search.cluster` does: up, status, scale, down, render."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import msgspec

from search.cluster import autoscaling
from search.cluster.checks import require_server, require_shared_files
from search.cluster.engine import Engine
from search.cluster.engines import engine_of
from search.cluster.fleet import ACTIVE, STAYING, Fleet, Job, fleet_name, job_name
from search.cluster.last_words import FirstJobEnded, LastWords
from search.cluster.options import ClusterOptions, worker_flags
from search.cluster.serving_all import SharedFleet, require_shared_folder, shared_fleet
from search.cluster.standing import PlaceStatus, Standing, in_words, joined
from search.cluster.table import places_table
from search.commands.answer import answer, answer_json, tell
from search.errors import InfrastructureError, UsageError
from search.study.folders import StudyFolder
from search.study.own_folder import prepare
from search.workers.join import study_folder
from storage import SharedStudy, open_study
from storage.retry import retry_while_unreachable

PROBE_POLL_S = 1.0
QUEUED_S = 30.0  # the first job is waited for that long to begin, and then the others are submitted all the same
DOWN_S = 120.0


@dataclass(frozen=True)
class Site:
    """A study, its fleet, and the engine that has it."""

    shared: SharedStudy
    folder: StudyFolder
    fleet: Fleet
    engine: Engine

    @property
    def down(self) -> str:
        """The command that ends its jobs."""
        return f"python -m search.cluster down --on {self.engine.name} --study-name {shlex.quote(self.shared.name)}"

    def jobs(self) -> tuple[Job, ...]:
        """The engine's jobs."""
        return self.engine.list(self.fleet)

    def places(self) -> tuple[PlaceStatus, ...]:
        """The jobs joined with the study's workers."""
        ledger = self.shared.ledger
        busy = frozenset(slot.worker_id for slot in ledger.under_way())
        standing = Standing(tuple(self.shared.workers.all()), busy, ledger.now())
        return joined(self.engine.name, self.jobs(), standing)


@contextmanager
def opened_site(options: ClusterOptions) -> Iterator[Site]:
    """The study with its fleet.

    Raises:
        UsageError: its database can't be shared by hosts.
        StorageError: it can't be opened.
    """
    require_server(options.storage)
    if options.study_name is None:
        raise UsageError("name the study with --study-name; for workers that serve all studies, use autoscale")
    with open_study(options.storage, options.study_name) as shared:
        folder = study_folder(shared, options.artifacts)
        yield Site(shared, folder, fleet_of(options, shared, folder), engine_of(options.on))


def fleet_of(options: ClusterOptions, shared: SharedStudy, folder: StudyFolder) -> Fleet:
    """The study's fleet, as the flags describe it."""
    return Fleet(
        name=fleet_name(shared.name, shared.key.stamp),
        study_name=shared.name,
        worker=(f"--study-name={shared.name}", *worker_flags(options)),
        folder=folder.jobs.absolute(),
        storage=options.storage,
        resources=options.resources,
        pods=options.pods,
        python=options.python,
        module_path=options.module_path,
        setup=options.setup,
    )


@contextmanager
def opened_fleet(options: ClusterOptions) -> Iterator[Site | SharedFleet]:
    """A study with its fleet; without a study's name, the fleet that serves all of them. Raises as `opened_site`."""
    if options.study_name is None:
        yield shared_fleet(options)
    else:
        with opened_site(options) as site:
            yield site


def render(options: ClusterOptions, count: int) -> None:
    """Prints what would be submitted."""
    with opened_fleet(options) as site:
        answer(site.engine.render(site.fleet, count), nl=False)


def up(options: ClusterOptions, count: int, *, accepted: bool = False) -> str:
    """Brings the fleet to that many jobs, at least: the first one alone, to see that it finds the database.

    Returns what was done, in a sentence. `accepted` says that the engine was asked already whether it takes them.

    Raises:
        UsageError: the engine refuses it, or hosts don't share the study's files; nothing is left behind.
        FirstJobEnded: the first job ended before its worker joined the study.
    """
    with opened_site(options) as site:
        require_shared(site, options)
        have = sum(job.state in STAYING for job in site.jobs())
        counts = site.shared.ledger.counts()
        wanted = min(count, have + counts.total - counts.finished)
        if have >= wanted:
            return f"{have} jobs are there already, {counts.total - counts.finished} trials are open: none is added."
        if not accepted:
            site.engine.require_accepted(site.fleet, wanted - have)
        if site.engine.writes_files:
            prepare(site.folder, site.shared.manifest)
        try:
            if not have:
                probe(site, lambda text: None if options.quiet else tell(text))
            site.engine.scale(site.fleet, wanted)
        except KeyboardInterrupt:
            tell(f"Jobs that were submitted stay: {site.down} ends them; the same command again goes on with them.")
            raise
        return f"Submitted to {options.on}: {wanted - have} more. Now {in_words(site.places())}."


def probe(site: Site, say: Callable[[str], None]) -> None:
    """Submits one job and waits until its worker has joined the study.

    Raises:
        FirstJobEnded: it ended before that; it is cancelled, and so is the fleet.
    """
    before = {job.job_id for job in site.jobs()}
    site.engine.scale(site.fleet, 1)
    say("one job is submitted first, to see that its host reaches the database")
    began, seen = time.monotonic(), False
    while True:
        fresh = [job for job in site.jobs() if job.job_id not in before]
        seen = seen or bool(fresh)
        if any(has_joined(site, job) for job in fresh):
            return
        ended = [job for job in fresh if job.state not in ACTIVE]
        if ended or (seen and not fresh):
            site.engine.cancel(site.fleet)
            raise first_job_ended(site, ended[0] if ended else None)
        waiting = all(job.state == "queued" for job in fresh)
        if waiting and time.monotonic() - began > QUEUED_S:
            why = next((job.reason for job in fresh if job.reason), "no reason is given")
            say(f"it waits ({why}): the others are submitted without its result")
            return
        time.sleep(PROBE_POLL_S)


def has_joined(site: Site, job: Job) -> bool:
    """Whether a worker of the job is registered."""
    name = job_name(site.engine.name, job.job_id)
    return any(worker.info.job == name for worker in site.shared.workers.all())


def first_job_ended(site: Site, job: Job | None) -> FirstJobEnded:
    """What is known of a job that ended before its worker joined."""
    if job is None:
        return FirstJobEnded("the first job was canceled before its worker joined the study", LastWords())
    what = f"the first job ended before its worker joined the study ({job.reason or job.state})"
    return FirstJobEnded(f"{what}, and no other was submitted", site.engine.last_words(site.fleet, job))


def status(options: ClusterOptions, format_: Literal["table", "json"]) -> None:
    """Prints the jobs with their workers."""
    with opened_fleet(options) as site:
        places = retry_while_unreachable(site.places)
    if format_ == "json":
        answer_json(msgspec.json.format(msgspec.json.encode({"on": options.on, "jobs": places}), indent=2))
    else:
        places_table(places)
        answer(f"{in_words(places)}.")


def scale(options: ClusterOptions, count: int) -> None:
    """Brings the fleet to that many jobs."""
    with opened_fleet(options) as site:
        before = sum(job.state in STAYING for job in site.jobs())
        if count > before == 0:
            require_shared(site, options)
        site.engine.scale(site.fleet, count)
        answer(f"from {before} to {count} jobs: {in_words(site.places())}.")


def require_shared(site: Site | SharedFleet, options: ClusterOptions) -> None:
    """Raises UsageError unless the nodes share what they need, or it was said that they do."""
    if isinstance(site, SharedFleet):
        require_shared_folder(site, said_so=options.shared_artifacts)
    elif not options.shared_artifacts:
        require_shared_files(site.engine, site.fleet, site.folder)


def autoscale(options: ClusterOptions, max_jobs: int, every_s: float | None) -> None:
    """Adds jobs that serve all studies, as many as open trials ask for: once, or repeatedly, this many seconds apart.

    Raises:
        UsageError: a study is named, or the engine refuses a job, or the nodes don't share the fleet's folder.
        InfrastructureError: jobs fail before they join a study, or the engine doesn't answer.
    """
    if options.study_name is not None:
        raise UsageError("autoscale serves all studies: leave out --study-name; --studies NAME limits it to one")
    site = shared_fleet(options)
    require_shared(site, options)
    site.engine.require_accepted(site.fleet, 1)
    autoscaling.autoscale(site, options.studies, max_jobs, every_s, lambda text: None if options.quiet else tell(text))


def down(options: ClusterOptions) -> None:
    """Asks all jobs to leave, and waits until they have.

    Raises:
        InfrastructureError: some are still there after two minutes.
    """
    with opened_fleet(options) as site:
        before = sum(job.state in ACTIVE for job in site.jobs())
        end_jobs(site)
    answer(f"{before} jobs have ended; the next ones continue their trials.")


def end_jobs(site: Site | SharedFleet) -> None:
    """Asks all jobs to leave, and waits until they have. Raises as `down`."""
    deadline = time.monotonic() + DOWN_S
    site.engine.cancel(site.fleet)
    while left := [job for job in site.jobs() if job.state in ACTIVE]:
        if time.monotonic() > deadline:
            raise InfrastructureError(
                f"{len(left)} jobs are still there after {DOWN_S:.0f} s, such as {left[0].job_id} "
                f"({left[0].state}): ask again, or end them with the engine's own command"
            )
        time.sleep(PROBE_POLL_S)
    site.engine.cancel(site.fleet)


def require_count(count: int | None, action: str) -> int:
    """The number of jobs; raises UsageError if none was given."""
    if count is None:
        raise UsageError(f"how many jobs? Say so: python -m search.cluster {action} --workers 8")
    return count
