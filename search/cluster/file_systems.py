"""Which file systems hosts share."""

from pathlib import Path

import psutil

# Types of file systems that hosts share; `fuse.` begins many more.
SHARED_TYPES = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "orangefs", "panfs", "pvfs2"}
    | {"smb3", "virtiofs", "wekafs"}
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
