"""The placement of workers: on a GPU, or a share of it, or a share of the processors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from search.host.gpus import VISIBLE, Gpu, choose_gpus, find_gpus
from search.host.machine import SHARE_VARIABLE, THREADS_VARIABLE, default_workers, threads_each, threads_for
from search.workers.settings import WorkerSettings

NO_GPU = "-1"


@dataclass(frozen=True)
class WorkerPlacement:
    """A place for one worker: the device in words, the environment that confines its trainer to it, and how many
    threads the trainer may use. `number` counts the workers of a process from 1; 0 is a process's only one.
    """

    device: str
    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    number: int = 0

    def for_worker(self) -> Mapping[str, str]:
        """The environment of a worker in this place."""
        return {**self.environment, SHARE_VARIABLE: str(self.threads)}

    def for_trainer(self, batch_pixels: int) -> Mapping[str, str]:
        """The environment of a trainer for batches of this many pixels."""
        return {**self.environment, THREADS_VARIABLE: str(threads_for(batch_pixels, self.threads))}


def find_placements(settings: WorkerSettings) -> list[WorkerPlacement]:
    """A place for each worker that the settings ask for.

    Raises:
        UsageError: they ask for GPUs that aren't there.
    """
    gpus = choose_gpus(settings.gpus, find_gpus())
    return gpu_placements(gpus, settings) if gpus else processor_placements(settings.n_workers)


def gpu_placements(gpus: Sequence[Gpu], settings: WorkerSettings) -> list[WorkerPlacement]:
    """Places on the GPUs in turn: `workers_per_gpu` on each, unless a number of workers is given."""
    count = len(gpus) * settings.workers_per_gpu if settings.n_workers is None else settings.n_workers
    threads = threads_each(max(count, 1))
    return [WorkerPlacement(f"gpu {gpu.index}", {VISIBLE: gpu.uuid}, threads) for gpu in islice(cycle(gpus), count)]


def processor_placements(n_workers: int | None) -> list[WorkerPlacement]:
    """Places on the processors, with equal shares of them."""
    count = default_workers() if n_workers is None else n_workers
    return [WorkerPlacement("cpu", {VISIBLE: NO_GPU}, threads_each(max(count, 1)))] * count
