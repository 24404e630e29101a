"""Which notices about a study were sent: of many that ask, one is to send it."""

from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from storage import SharedStudy, create_study
from storage.errors import StudyNotFound
from storage.testkit import example_manifest


def made(url: str) -> SharedStudy:
    return create_study(url, "study", example_manifest())


def test_of_many_that_notice_the_same_one_sends_it(storage_url: str) -> None:
    with made(storage_url) as shared, ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda _: shared.notices.claim("ended", "4 of 4"), range(12)))
    assert claimed.count(True) == 1


def test_another_occasion_is_another_notice_and_one_that_was_not_sent_is_tried_again(storage_url: str) -> None:
    with made(storage_url) as shared:
        assert shared.notices.claim("ended", "4 of 4")
        assert shared.notices.claim("ended", "8 of 8")
        assert shared.notices.claim("failed", "4 of 4")
        shared.notices.give_back("ended", "4 of 4")
        assert shared.notices.claim("ended", "4 of 4")
        assert not shared.notices.claim("ended", "8 of 8")


def test_a_deleted_study_has_none(storage_url: str) -> None:
    with made(storage_url) as shared:
        shared.notices.claim("ended", "4 of 4")
        optuna.delete_study(study_name="study", storage=shared.trials.storage)
        with pytest.raises(StudyNotFound):
            shared.notices.claim("ended", "4 of 4")
