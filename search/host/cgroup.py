"""The limits of a container, from its control groups, versions 1 and 2.

A container sees all of the machine's processors and memory; its limits are in files of its processes' groups and of
their parents, of which the tightest counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path("/")
NO_LIMIT = 2**60  # bytes; version 1 states a number near the largest if there is no limit


@dataclass(frozen=True)
class Limits:
    """Processors, which may be a fraction, and bytes of memory, total and free; None without a limit."""

    processors: float | None = None
    memory: int | None = None
    memory_free: int | None = None


def container_limits(root: Path = ROOT) -> Limits:
    """The limits of this process' control groups, read from the files under `root`."""
    processors, memory, free = list[float](), list[int](), list[int]()
    for folder in _folders(root, "cpu"):
        processors += _processors(folder)
    for folder in _folders(root, "memory"):
        for limit, used in _memory(folder):
            memory.append(limit)
            free.append(max(0, limit - used))
    return Limits(min(processors, default=None), min(memory, default=None), min(free, default=None))


def total_memory() -> int:
    """The machine's memory in bytes, or its container's limit."""
    total, limit = psutil.virtual_memory().total, container_limits().memory
    return total if limit is None else min(total, limit)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that limit the controller's resource, this process's own first. If a container can't
    see the path of its group, its own files are at the top.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for name in (controllers, controller) if controllers else ("", "unified"):
            top = root / "sys/fs/cgroup" / name
            inside = top / path.lstrip("/")
            for folder in (inside, *inside.parents):
                if folder.is_dir() and folder.is_relative_to(top):
                    yield folder


def _processors(folder: Path) -> Iterator[float]:
    match _words(folder / "cpu.max"):
        case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)
        case _:  # "max", or no such file
            pass
    time, per = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    if time is not None and per:
        yield time / per


def _memory(folder: Path) -> Iterator[tuple[int, int]]:
    """Limit and use in bytes. Cached files count as used, though the system can reclaim their memory."""
    for limit_name, used_name, cache_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is not None and limit < NO_LIMIT:
            cached = dict(_pairs(_lines(folder / "memory.stat"))).get(cache_name, 0)
            yield limit, max(0, (used or 0) - cached)


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        name, _, value = line.partition(" ")
        if value.isdecimal():
            yield name, int(value)


def _number(path: Path) -> int | None:
    """The number in the file, None if there is no file or another word in it, such as max or -1."""
    words = _words(path)
    return int(words[0]) if len(words) == 1 and words[0].isdecimal() else None


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []  # no such limit, or no such system
