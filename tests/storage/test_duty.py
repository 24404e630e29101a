"""A task that one process at a time does for a study."""

from concurrent.futures import ThreadPoolExecutor

from storage import SharedStudy, create_study
from storage.duty import Duty
from storage.testkit import example_manifest


def duty(shared: SharedStudy, task: str = "answer") -> Duty:
    return Duty(shared.engine, shared.key, task)


def test_of_many_one_has_it_until_it_lays_it_down(storage_url: str) -> None:
    with create_study(storage_url, "study", example_manifest()) as shared, ThreadPoolExecutor(4) as pool:
        asking = [duty(shared) for _ in range(8)]
        taken = list(pool.map(lambda one: one.take(), asking))
        assert taken.count(True) == 1
        holder = asking[taken.index(True)]
        assert holder.renew()
        assert duty(shared, "another task").take()
        assert not duty(shared).take()
        holder.lay_down()
        assert duty(shared).take()


def test_one_that_is_not_renewed_is_taken_over_and_its_first_holder_learns_of_it(storage_url: str) -> None:
    with create_study(storage_url, "study", example_manifest()) as shared:
        first, second = duty(shared), duty(shared)
        assert first.take()
        assert second.take(lease_s=-1.0)  # as if it hadn't been renewed for long
        assert not first.renew()
        first.lay_down()
        assert not duty(shared).take()
        assert second.renew()
