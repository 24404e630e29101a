"""A launch whose workers a cluster runs: the jobs are submitted, and the search is watched until it is over."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from search.cluster import actions
from search.cluster.actions import Site, fleet_of
from search.cluster.checks import require_server, require_shared_files
from search.cluster.engines import engine_of
from search.cluster.fleet import ACTIVE, Fleet
from search.cluster.last_words import FirstJobEnded
from search.cluster.options import ClusterOptions
from search.cluster.taking_back import nearest_folder, take_back
from search.commands.answer import tell
from search.errors import InfrastructureError, SearchError
from search.host.ends import End
from search.host.shutdown import Shutdown
from search.launching.progress import ProgressView
from search.notify.notifier import notifier_of
from search.notify.study_notices import StudyWatch
from search.study.alive import is_alive
from search.study.due_answer import due_share, is_left_to_workers
from search.study.folders import StudyFolder, default_artifacts
from search.workers.join import study_folder
from search.workers.loop import no_more_work
from storage import SharedStudy
from storage.errors import StorageError
from storage.retry import retry_while_unreachable

POLL_S = 1.0
LAST_WORKER_S = 60.0
JOBS_POLL_S = 15.0  # asking the engine is a burden for clusters of many users


@dataclass(frozen=True)
class Placing:
    """The jobs that a launch has a cluster run. `options` name no study: the launch gives it its name. `standing` is
    the artifact folder, or the nearest above it that was there before the launch.
    """

    options: ClusterOptions
    count: int
    detach: bool
    standing: Path

    def require(self, artifact_store: str | None) -> None:
        """Checks what can be checked before the study is created.

        Raises:
            UsageError: the engine isn't here or has no such jobs, or hosts don't share the database or the files.
            InfrastructureError: the engine doesn't answer.
        """
        require_server(self.options.storage)
        engine = engine_of(self.options.on)
        artifacts = artifacts_of(self.options)
        fleet = Fleet("search-none", "none", (), artifacts, "", self.options.resources, self.options.pods)
        engine.require_accepted(fleet, self.count)
        engine.list(fleet)
        if not self.options.shared_artifacts:
            require_shared_files(engine, fleet, StudyFolder(artifacts, "none", "", artifact_store))

    def run(self, shared: SharedStudy) -> End:
        """Submits the jobs, and watches the search unless it is to be left alone; returns how that ended.

        Raises:
            UsageError, InfrastructureError, StorageError: no job could be submitted, or the first one didn't get to
                work. A study that the launch has created is removed, unless a worker has joined it.
        """
        options = replace(self.options, study_name=shared.name)
        if retry_while_unreachable(lambda: no_more_work(shared)):
            return End.DONE
        folder = study_folder(shared, options.artifacts)
        site = Site(shared, folder, fleet_of(options, shared, folder), engine_of(options.on))
        try:
            tell(actions.up(options, self.count, accepted=True))
        except (SearchError, StorageError) as error:
            if not shared.created:
                raise
            tell(take_back(site, self.standing))
            if isinstance(error, FirstJobEnded) and not site.fleet.folder.exists():
                raise InfrastructureError(error.without_log) from error
            raise
        if not self.detach:
            return watch(site, options.quiet)
        if is_left_to_workers(shared):
            tell("The workers also give the answer: when all trials are done, they race the best of them.")
        return End.DONE


def placing_of(options: ClusterOptions, count: int, *, detach: bool) -> Placing:
    """What the flags ask for, on this host as it is before anything is created."""
    return Placing(options, count, detach, nearest_folder(artifacts_of(options)))


def artifacts_of(options: ClusterOptions) -> Path:
    """The artifact folder of the study that is created."""
    return (options.artifacts or default_artifacts(options.storage)).absolute()


def watch(site: Site, quiet: bool) -> End:
    """Shows how the search goes until it is over, no job is left, or the person leaves it to the cluster."""
    shared, asked = site.shared, time.monotonic()
    notices = StudyWatch(shared, notifier_of(os.environ))
    with ProgressView(shared.name, shared.manifest.objective, quiet) as view, Shutdown() as shutdown:

        def look() -> bool:
            notices.look(view.look(shared))
            return no_more_work(shared)

        while not retry_while_unreachable(look, give_up=lambda: shutdown.requested):
            if time.monotonic() - asked > JOBS_POLL_S:
                asked = time.monotonic()
                if is_deserted(site):
                    return End.FAILED
            if shutdown.wait(POLL_S):
                break
        wait_for_last_worker(shared, shutdown)
        wait_for_answer(site, shutdown)
    if shutdown.requested:
        tell(f"Detached: the jobs go on. The same command watches them again, and {site.down} ends them.")
        return shutdown.end
    return End.DONE


def wait_for_last_worker(shared: SharedStudy, shutdown: Shutdown) -> None:
    """Waits for the workers to leave, as the last one measures the test score: the images shouldn't be looked at twice.
    One that stays, such as a worker of all studies, isn't waited for long.
    """
    deadline = time.monotonic() + LAST_WORKER_S

    def left() -> bool:
        return not any(is_alive(worker) for worker in shared.workers.all())

    while not shutdown.requested and time.monotonic() < deadline:
        if retry_while_unreachable(left, give_up=lambda: shutdown.requested) or shutdown.wait(POLL_S):
            return


def wait_for_answer(site: Site, shutdown: Shutdown) -> None:
    """Waits until the workers have given the answer that is left to them, or no job is left."""
    asked = time.monotonic()
    while retry_while_unreachable(lambda: due_share(site.shared), give_up=lambda: shutdown.requested) is not None:
        if time.monotonic() - asked > JOBS_POLL_S:
            asked = time.monotonic()
            if is_deserted(site):
                return
        if shutdown.wait(POLL_S):
            return


def is_deserted(site: Site) -> bool:
    """Whether no job is left, and no worker from elsewhere either."""
    if any(job.state in ACTIVE for job in site.jobs()):
        return False
    return not any(is_alive(worker) for worker in site.shared.workers.all())
