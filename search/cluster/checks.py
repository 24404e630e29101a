"""What a fleet needs that can be seen before anything is submitted."""

from pathlib import Path

import psutil

from search.cluster.engine import Engine
from search.cluster.fleet import Fleet
from search.errors import UsageError
from search.study.folders import StudyFolder
from storage.connecting import is_sqlite
from storage.url import parse

# Types of file systems that hosts share; `fuse.` begins many more.
SHARED_TYPES = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "orangefs", "panfs", "pvfs2"}
    | {"smb3", "virtiofs", "wekafs"}
)


def require_server(storage: str) -> None:
    """Raises UsageError for a SQLite file: hosts can't share one safely."""
    if is_sqlite(parse(storage)):
        raise UsageError(
            "the workers of a cluster need a database that all hosts reach, and SQLite is a file of one host: give "
            "--storage postgresql://USER:PASSWORD@HOST/DATABASE (search.studies copy takes a study there)"
        )


def require_shared_files(engine: Engine, fleet: Fleet, folder: StudyFolder) -> None:
    """Raises UsageError unless the hosts share the study's checkpoints: by an artifact store, or by their folder."""
    if folder.remote is not None or is_shared(folder.artifacts) or engine.shares_files(fleet):
        return
    raise UsageError(
        f"the study's files are in {folder.artifacts}, on a disk of this host ({file_system(folder.artifacts)}): a "
        "trial that moves to another host would start again, and its model could be lost. Create the study with "
        "--artifact-store s3://BUCKET/PREFIX, or with --artifacts in a folder that all hosts share; if this one is "
        "shared, say so with --shared-artifacts"
    )


def is_shared(path: Path) -> bool:
    """Whether the path is on a network's file system."""
    kind = file_system(path)
    return kind in SHARED_TYPES or kind.startswith("fuse.")


def file_system(path: Path) -> str:
    """The type of the file system that a path is on, or would be."""
    whole = path.resolve()
    mounted = [part for part in psutil.disk_partitions(all=True) if whole.is_relative_to(part.mountpoint)]
    return max(mounted, key=lambda part: len(part.mountpoint)).fstype if mounted else "unknown"
