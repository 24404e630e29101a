"""Takes back a study that a launch has just created, where none of its jobs got to work."""

import shlex
from pathlib import Path

from search.cluster.actions import Site, end_jobs
from search.cluster.fleet import ACTIVE
from search.errors import SearchError
from search.studies.removal import delete_study
from storage.errors import StorageError


def nearest_folder(path: Path) -> Path:
    """The path itself if it exists, else the nearest folder above it that does."""
    return next((place for place in (path, *path.parents) if place.exists()), path)


def take_back(site: Site, standing: Path) -> str:
    """Ends the jobs and deletes the study, unless a worker has joined it; returns what became of it, in a sentence.

    `standing` is the folder, on the way to the study's, that was there before it was created: it stays.
    """
    name = site.shared.name
    try:
        if any(job.state in ACTIVE for job in site.jobs()):
            end_jobs(site)
        if site.shared.workers.all():
            return f"The study {name} stays, as workers have joined it."
        left = delete_study(site.shared, standing)
    except (SearchError, StorageError, OSError) as error:
        return (
            f"The study {name}, which this command has created, couldn't be removed: {error}. Remove it with "
            f"{site.down}, if it has jobs, then python -m search.studies delete {shlex.quote(name)}"
        )
    others = "" if left is None else f" Something that isn't the study's is in {left}, and stays."
    return f"The study {name}, which this command had created, was removed again, with the logs of its jobs.{others}"
