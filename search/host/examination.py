"""The examination of a machine: one finding per requirement of a search."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from search.host.cgroup import total_memory
from search.host.gpus import Gpu, find_gpus
from search.host.installed import Installed, differing_from_lock, out_of_range
from search.host.machine import default_workers, free_memory, usable_processors
from search.host.private_folder import why_unusable
from search.host.program_folder import VARIABLE, executable_files, program_files, program_folder

Verdict = Literal["ok", "note", "problem"]

OURS = {
    "backend": "tensorflow",
    "image_data_format": "channels_last",
    "floatx": "float32",
    "epsilon": 1e-07,
}
GPU_BUILDS = {"tensorflow": "pip install 'tensorflow[and-cuda]'", "jax": "pip install 'jax[cuda13]'"}
OLDEST, NEWEST = (3, 11), (3, 14)
LITTLE_MEMORY_GB = 1.5
LITTLE_DISK_GB = 1.0
SLOW_STORAGE_MS = 100.0
CLOCK_S = 5.0
LOOKS = 5
KERAS_S = 180.0

# In a separate process: importing TensorFlow takes seconds, prints, and would occupy GPU memory permanently.
ASK_KERAS = """
import json, keras
devices = keras.distribution.list_devices()
print("KERAS" + json.dumps({"version": keras.version(), "backend": keras.config.backend(), "devices": devices}))
"""


@dataclass(frozen=True)
class Finding:
    """What was examined, the result, and what to do about it if it is a problem."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(storage: str, artifacts: Path) -> list[Finding]:
    """Every finding, in the order in which problems should be fixed."""
    return list(findings(storage, artifacts))


def findings(storage: str, artifacts: Path) -> Iterator[Finding]:
    """As `examine`, one after another."""
    gpus = find_gpus()
    yield python_finding()
    yield range_finding(out_of_range())
    yield lock_finding(differing_from_lock())
    yield from keras_findings(gpus)
    yield memory_finding()
    yield disk_finding(artifacts)
    yield programs_finding()
    yield from storage_findings(storage)


def python_finding() -> Finding:
    """The interpreter."""
    found = f"Python {platform.python_version()} in {sys.prefix}"
    if OLDEST <= sys.version_info[:2] < NEWEST:
        return Finding("python", "ok", found)
    return Finding("python", "problem", found, "Install Python 3.11, 3.12 or 3.13, and set the project up with it.")


def range_finding(wrong: Sequence[Installed]) -> Finding:
    """Whether each package is installed in a version within the declared range."""
    if not wrong:
        return Finding("packages", "ok", "all that the project needs are there, in versions that it works with")
    found = "; ".join(f"{one.name} is {one.version or 'missing'}, needed is {one.wanted}" for one in wrong)
    names = " ".join(f"'{one.name}{one.wanted}'" for one in wrong)
    return Finding("packages", "problem", found, f"Run: {sys.executable} -m pip install {names}")


def lock_finding(different: Sequence[Installed] | None) -> Finding:
    """Whether the versions are those that the project is tested with."""
    if different is None:
        return Finding("lock", "ok", "there is no constraints.txt to compare with: this is no checkout of the project")
    if not different:
        return Finding("lock", "ok", "every version is the one in constraints.txt")
    some = ", ".join(f"{one.name} {one.version} (lock: {one.wanted})" for one in different[:6])
    more = f" and {len(different) - 6} more" if len(different) > 6 else ""
    advice = (
        "To have the versions that the project is tested with: pip install --constraint constraints.txt --editable ."
    )
    return Finding("lock", "note", f"{some}{more}", advice)


def keras_findings(gpus: Sequence[Gpu]) -> Iterator[Finding]:
    """Keras and its backend, and whether it can use the machine's GPUs."""
    environment = {"KERAS_BACKEND": "tensorflow", **os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", "-c", ASK_KERAS]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=KERAS_S, check=False)
    except subprocess.TimeoutExpired:
        advice = "Is the disk with the packages very slow, or is the machine overloaded? Try again."
        yield Finding("keras", "problem", f"Keras wasn't imported within {KERAS_S:.0f} s", advice)
        return
    answers = [line.removeprefix("KERAS") for line in done.stdout.splitlines() if line.startswith("KERAS{")]
    if not answers:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        advice = f"Install the backend ({backend}), or name one that is installed in KERAS_BACKEND."
        yield Finding("keras", "problem", f"Keras can't be imported: {last}", advice)
        return
    answer = json.loads(answers[0])
    yield Finding("keras", "ok", f"Keras {answer['version']} on {answer['backend']}")
    yield from settings_findings()
    yield gpu_finding(gpus, [device for device in answer["devices"] if not device.startswith("cpu")])


def settings_findings() -> Iterator[Finding]:
    """Keras' own settings that searches override."""
    path = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "keras.json")
    try:
        said = json.loads(path.read_text())
    except (OSError, ValueError):
        return  # there is none, or Keras overwrites it
    said = said if isinstance(said, dict) else {}
    changed = [f"{name} {said[name]}" for name, ours in OURS.items() if said.get(name, ours) != ours]
    if changed:
        used = ", ".join(f"{name} {ours}" for name, ours in OURS.items())
        advice = (
            f"Searches use {used} whatever it says; scripts of your own don't. For another backend set KERAS_BACKEND."
        )
        yield Finding("keras.json", "note", f"{path} says {', '.join(changed)}", advice)


def gpu_finding(gpus: Sequence[Gpu], usable: Sequence[str]) -> Finding:
    """GPUs that the driver sees, against those that Keras can use."""
    seen = ", ".join(f"{gpu.index}: {gpu.model} ({gpu.memory_mb / 1000:.0f} GB)" for gpu in gpus)
    if not gpus:
        return Finding("gpus", "ok", f"none: {workers_on_processors()}")
    if len(usable) >= len(gpus):
        return Finding("gpus", "ok", seen)
    found = f"the driver sees {len(gpus)} ({seen}), Keras can use {len(usable)}"
    build = GPU_BUILDS.get(os.environ.get("KERAS_BACKEND", "tensorflow"), "see its documentation")
    advice = f"Install the backend's GPU build ({build}), or search with --gpus none."
    return Finding("gpus", "problem", found, advice)


def workers_on_processors() -> str:
    """How many workers a launch starts without GPUs."""
    workers, processors = default_workers(), usable_processors()
    return f"{workers} worker{'' if workers == 1 else 's'} on {processors} processor{'' if processors == 1 else 's'}"


def memory_finding() -> Finding:
    """Free memory."""
    free, total = free_memory(), total_memory()
    found = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    if total < psutil.virtual_memory().total:
        found += f", which is what this container may use of {psutil.virtual_memory().total / 1e9:.1f} GB"
    if free / 1e9 >= LITTLE_MEMORY_GB:
        return Finding("memory", "ok", found)
    advice = f"A worker with small images takes about {LITTLE_MEMORY_GB} GB: close other programs, or use another host."
    return Finding("memory", "problem", found, advice)


def disk_finding(folder: Path) -> Finding:
    """Free space where checkpoints and models go."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free / 1e9
    found = f"{free:.1f} GB free for {folder}"
    if not os.access(there, os.W_OK):
        return Finding("disk", "problem", f"{there} can't be written", "Name a folder of your own with --artifacts.")
    if free >= LITTLE_DISK_GB:
        return Finding("disk", "ok", found)
    return Finding("disk", "problem", found, "Free some space, or name a folder on another disk with --artifacts.")


def programs_finding() -> Finding:
    """The user's traced programs."""
    folder = program_folder()
    if folder is None:
        return Finding("programs", "ok", f"traced programs aren't kept: {VARIABLE} is off, or you have no home")
    if (reason := why_unusable(folder)) is not None:
        advice = f"Mend that, or name another folder in {VARIABLE}; without one, every launch traces its programs."
        return Finding("programs", "note", f"{folder} isn't used: {reason}", advice)
    files = program_files(folder)
    executables = executable_files(folder)
    size = sum(file.size for file in (*files, *executables)) / 1e6
    compiled = f" and {len(executables)} executables of JAX" if executables else ""
    return Finding("programs", "ok", f"{len(files)} traced programs{compiled}, {size:.1f} MB, in {folder}")


def storage_findings(storage: str) -> Iterator[Finding]:
    """Whether the database answers, how fast, and whether its clock is that of this machine."""
    from storage import check_url, hide_password, study_names
    from storage.errors import StorageError, StorageUsageError, StudyNotFound

    shown = hide_password(storage)
    if not exists(storage):
        yield Finding("storage", "ok", f"{shown} isn't there yet: the first launch makes it")
        return
    try:
        check_url(storage)
        names = study_names(storage)
    except StudyNotFound:  # a new database: it has no tables yet
        yield Finding("storage", "ok", f"{shown} answers; no study yet: the first launch makes what it needs")
        return
    except StorageUsageError as error:
        yield Finding("storage", "problem", str(error), "Name another database with --storage.")
        return
    except StorageError as error:
        yield Finding("storage", "problem", str(error), "Start the database, or mend its address in --storage.")
        return
    yield Finding("storage", "ok", f"{shown} answers; studies: {', '.join(names) or 'none yet'}")
    if names:
        yield from speed_and_clock(storage, names[0])


def exists(storage: str) -> bool:
    """Whether the database exists: a missing SQLite file isn't a problem."""
    prefix = "sqlite:///"
    return not storage.startswith(prefix) or Path(storage.removeprefix(prefix)).exists()


def speed_and_clock(storage: str, study_name: str) -> Iterator[Finding]:
    """How long a query takes, and how far the clocks are apart."""
    from storage import open_study
    from storage.errors import StorageError

    try:
        with open_study(storage, study_name, only_look=True) as shared:
            shared.ledger.now()
            times = sorted(timed(shared.ledger.now) for _ in range(LOOKS))
            apart = shared.ledger.now() - time.time()
    except StorageError as error:
        yield Finding("speed", "problem", str(error), "See the storage above.")
        return
    middle = times[LOOKS // 2] * 1000
    slow = middle > SLOW_STORAGE_MS
    advice = "Workers wait this long several times per epoch: use a database that is closer." if slow else ""
    yield Finding("speed", "note" if slow else "ok", f"the storage answers within {middle:.1f} ms", advice)
    yield clock_finding(apart)


def clock_finding(apart_s: float) -> Finding:
    """The difference between the clocks."""
    found = f"the database's clock is {abs(apart_s):.1f} s {'ahead of' if apart_s > 0 else 'behind'} this machine's"
    if abs(apart_s) <= CLOCK_S:
        return Finding("clock", "ok", found)
    advice = "Nothing is lost, as leases run by the database's clock; but times in reports differ. Set up NTP."
    return Finding("clock", "note", found, advice)


def timed(action: Callable[[], object]) -> float:
    """The seconds that the call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def as_json(found: Sequence[Finding]) -> str:
    """The findings as one JSON document."""
    healthy = all(finding.verdict != "problem" for finding in found)
    return json.dumps({"healthy": healthy, "findings": [asdict(finding) for finding in found]}, indent=2)
