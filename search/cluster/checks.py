"""What a fleet needs that can be seen before anything is submitted."""

from search.cluster.engine import Engine
from search.cluster.file_systems import file_system
from search.cluster.fleet import Fleet
from search.errors import UsageError
from search.study.folders import StudyFolder
from storage.connecting import is_sqlite
from storage.url import parse


def require_server(storage: str) -> None:
    """Raises UsageError for a SQLite file: hosts can't share one safely."""
    if is_sqlite(parse(storage)):
        raise UsageError(
            "the workers of a cluster need a database that all hosts reach, and SQLite is a file of one host: give "
            "--storage postgresql://USER:PASSWORD@HOST/DATABASE (search.studies copy takes a study there)"
        )


def require_shared_files(engine: Engine, fleet: Fleet, folder: StudyFolder) -> None:
    """Raises UsageError unless the hosts share the study's checkpoints: by an artifact store, or by their folder."""
    if folder.remote is not None or engine.shares_files(fleet):
        return
    raise UsageError(
        f"the study's files are in {folder.artifacts}, on a disk of this host ({file_system(folder.artifacts)}): a "
        "trial that moves to another host would start again, and its model could be lost. Create the study with "
        "--artifact-store s3://BUCKET/PREFIX, or with --artifacts in a folder that all hosts share; if this one is "
        "shared, say so with --shared-artifacts"
    )
