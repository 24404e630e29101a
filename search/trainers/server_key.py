"""What a trainer inherits from the server that forks it, as a key: launches with equal keys can share a server.

A forked trainer gets its environment, its folder, its log and its pipes from its request. What Python, Keras and their
libraries read when they are imported, and what the kernel passes on to a fork, it has from the server.
"""

import hashlib
import json
import os
import platform
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import spaces
from search.host.module_path import PATH, ROOT
from search.trainers.environment import without_secrets

SOURCES = (Path(__file__).resolve().parents[1], Path(spaces.__file__).resolve().parent)

# Read by Python, by the dynamic linker and C's library, and by the libraries that an import of Keras loads.
NAMES = frozenset(
    {
        "CONDA_PREFIX",
        "HOME",
        "LANG",
        "LANGUAGE",
        "PATH",
        "SEARCH_THREADS",
        "SEARCH_XLA",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
        "XDG_CACHE_HOME",
    }
)
PREFIXES = (
    "ABSL_",
    "BLIS_",
    "CUDA_",
    "DNNL_",
    "GLIBC_",
    "GOMP_",
    "GOTO_",
    "JAX_",
    "KERAS_",
    "KMP_",
    "LC_",
    "LD_",
    "MALLOC_",
    "MKL_",
    "NPY_",
    "NUMEXPR_",
    "NUMPY_",
    "NVIDIA_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PROTOCOL_BUFFERS_",
    "PYTHON",
    "TF_",
    "TORCH_",
    "XLA_",
)
METADATA = (".dist-info", ".egg-info", ".pth")
# What has such a prefix and is another program's, or a credential.
NOT_READ = re.compile(r"TF_(VAR|CLI|LOG|TOKEN)_|.*(PASSW|TOKEN|SECRET|CREDENTIAL|API_KEY)")
NAMESPACES = ("ipc", "mnt", "net", "pid", "user")


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server that outlives its launch: the variables that matter at an import, and no other, as
    later launches and their trainers can see it. Folders in PYTHONPATH are absolute, as it runs in another one.
    """
    kept = {
        name: value
        for name, value in without_secrets(environment).items()
        if name in NAMES or (name.startswith(PREFIXES) and not NOT_READ.match(name))
    }
    if given := kept.get(PATH):
        kept[PATH] = os.pathsep.join(map(os.path.abspath, given.split(os.pathsep)))
    return kept


def server_key(environment: Mapping[str, str]) -> str:
    """A name for all servers that give the trainers of a launch with this environment what it would give them itself:
    Python, packages, our own source, the environment, and limits that processes inherit.
    """
    inherited = {
        "python": (sys.executable, sys.version, platform.machine()),
        "packages": sorted(installed()),
        "source": (str(ROOT), source_digest()),
        "environment": server_environment(environment),
        "process": inherited_state(),
    }
    return hashlib.sha256(json.dumps(inherited, sort_keys=True).encode()).hexdigest()[:20]


def installed() -> Iterator[str]:
    """The installed packages, by their folders of metadata, which have their versions in their names."""
    for folder in filter(None, sys.path):
        try:
            paths = list(Path(folder).iterdir())
        except OSError:
            continue
        yield from (str(path) for path in paths if path.suffix in METADATA)


def source_digest() -> str:
    """A digest of when which of our files was changed, and of their sizes: of all that a trainer may import."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            about = path.stat()
            digest.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def inherited_state() -> list[object]:
    """What the kernel passes on: groups, priority, processors, limits, namespaces, control groups, mode of files."""
    limits = sorted(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
    return [
        (os.geteuid(), os.getegid(), sorted(os.getgroups())),
        (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))),
        [resource.getrlimit(limit) for limit in dict.fromkeys(limits)],
        [str(Path("/proc/self/ns", name).readlink()) for name in NAMESPACES],
        str(Path("/proc/self/root").readlink()),
        Path("/proc/self/cgroup").read_text(),
        [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Umask")],
    ]
