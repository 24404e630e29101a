"""Which GPUs workers get."""

import pytest

from search.errors import UsageError
from search.host.gpus import Gpu, choose_gpus, installed_gpus, visible
from search.workers.placement import gpu_placements, processor_placements
from search.workers.settings import WorkerSettings

GPUS = [Gpu(index, f"GPU-{letter}111", "H100", 80_000) for index, letter in enumerate("abc")]


def numbers(gpus: list[Gpu]) -> list[int]:
    return [gpu.index for gpu in gpus]


@pytest.mark.parametrize(
    ("allowed", "seen"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("2,0", [2, 0]),
        ("GPU-b", [1]),
        ("1,7,0", [1]),
        (" 0 , 2 ", [0, 2]),
    ],
)
def test_cuda_visible_devices_is_honored_as_cuda_does(allowed: str | None, seen: list[int]) -> None:
    assert numbers(visible(GPUS, allowed)) == seen


@pytest.mark.parametrize(("flag", "chosen"), [("all", [0, 1, 2]), ("none", []), ("0,2", [0, 2]), ("1", [1])])
def test_gpus_are_chosen_by_number(flag: str, chosen: list[int]) -> None:
    assert numbers(choose_gpus(flag, GPUS)) == chosen


@pytest.mark.parametrize("flag", ["3", "0,0", "x", "0,"])
def test_gpus_that_are_not_there_are_refused_with_those_that_are(flag: str) -> None:
    with pytest.raises(UsageError, match=r"here there are: 0 \(H100\), 1 \(H100\), 2 \(H100\)"):
        choose_gpus(flag, GPUS)


def test_each_gpu_gets_as_many_workers_as_asked_for() -> None:
    places = gpu_placements(GPUS[:2], WorkerSettings(workers_per_gpu=2))
    assert [place.environment["CUDA_VISIBLE_DEVICES"] for place in places] == [GPUS[0].uuid, GPUS[1].uuid] * 2


def test_a_number_of_workers_is_spread_over_the_gpus() -> None:
    places = gpu_placements(GPUS, WorkerSettings(n_workers=4))
    assert [place.device for place in places] == ["gpu 0", "gpu 1", "gpu 2", "gpu 0"]


def test_a_worker_on_processors_sees_no_gpu() -> None:
    (place,) = processor_placements(1)
    assert place.environment["CUDA_VISIBLE_DEVICES"] == "-1"


def test_asking_for_gpus_works_with_and_without_a_driver() -> None:
    assert all(gpu.memory_mb > 0 for gpu in installed_gpus())
