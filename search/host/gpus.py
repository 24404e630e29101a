"""The GPUs of this machine, found through NVML, and the selection for workers."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from search.errors import UsageError

VISIBLE = "CUDA_VISIBLE_DEVICES"
NONE = "none"
ALL = "all"


@dataclass(frozen=True)
class Gpu:
    """A GPU: its number among all of the machine's, its unique name for CUDA, its model and memory in MB."""

    index: int
    uuid: str
    model: str
    memory_mb: int


def find_gpus() -> list[Gpu]:
    """The machine's GPUs that CUDA_VISIBLE_DEVICES allows, in its order; none without an NVIDIA driver."""
    return visible(installed_gpus(), os.environ.get(VISIBLE))


def visible(gpus: list[Gpu], allowed: str | None) -> list[Gpu]:
    """Those GPUs that a value of CUDA_VISIBLE_DEVICES names, by number or by (the beginning of) their unique name.

    As CUDA does, an entry that names no GPU ends the list.
    """
    if allowed is None:
        return gpus
    chosen: list[Gpu] = []
    for entry in filter(None, (part.strip() for part in allowed.split(","))):
        named = [gpu for gpu in gpus if str(gpu.index) == entry or gpu.uuid.startswith(entry)]
        if not named:
            break
        chosen.append(named[0])
    return chosen


def choose_gpus(flag: str, found: list[Gpu]) -> list[Gpu]:
    """The GPUs that `--gpus` asks for: all, none, or numbers such as 0,2.

    Raises:
        UsageError: it asks for one that isn't there; says which are.
    """
    if flag == NONE:
        return []
    if flag == ALL:
        return found
    by_number = {str(gpu.index): gpu for gpu in found}
    numbers = [part.strip() for part in flag.split(",")]
    unknown = [number for number in numbers if number not in by_number]
    if unknown or len(set(numbers)) < len(numbers):
        there = ", ".join(f"{gpu.index} ({gpu.model})" for gpu in found) or "none"
        raise UsageError(
            f"--gpus {flag}: give all, none, or different numbers of GPUs such as 0,2; here there are: {there}"
        )
    return [by_number[number] for number in numbers]


def installed_gpus() -> list[Gpu]:
    """All GPUs of the machine."""
    with _nvml() as nvml:
        if nvml is None:
            return []
        return [_describe(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]


def _describe(nvml: ModuleType, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(index, nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle), int(memory.total // 1_000_000))


@contextlib.contextmanager
def _nvml() -> Iterator[ModuleType | None]:
    """NVIDIA's management library, None without a driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()
