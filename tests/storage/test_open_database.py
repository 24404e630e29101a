"""What the workers of one process share of a database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from storage import create_study
from storage.errors import StudyNotFound
from storage.open_database import OpenDatabase
from storage.records import SlotOrder
from storage.testkit import claimed, example_manifest

WORKERS = 8


def test_the_trials_of_a_study_are_shared_and_closing_it_closes_nothing(storage_url: str) -> None:
    with create_study(storage_url, "one", example_manifest()) as made, OpenDatabase(storage_url, WORKERS) as database:
        made.ledger.order_up_to(1, SlotOrder)
        with database.study("one") as first:
            again = database.study("one")
        assert again.trials is first.trials
        assert again.engine is first.engine
        claimed(first.ledger)
        assert again.ledger.counts().leased == 1
        assert made.key == first.key


def test_a_study_that_is_made_again_under_its_name_has_other_trials(storage_url: str) -> None:
    with OpenDatabase(storage_url) as database:
        with pytest.raises(StudyNotFound):
            database.study("one")
        with create_study(storage_url, "one", example_manifest()) as made, database.study("one") as first:
            made.trials.storage.delete_study(made.study_id)
        with create_study(storage_url, "one", example_manifest()) as made:
            assert database.study("one").key == made.key != first.key
            assert database.study("one").trials is not first.trials


def test_it_is_opened_again_after_it_was_closed(storage_url: str) -> None:
    with create_study(storage_url, "one", example_manifest()), OpenDatabase(storage_url) as database:
        before = database.study("one")
        database.close()
        assert database.study("one").engine is not before.engine
        assert before.ledger.counts().total == 0
        before.engine.dispose()


def test_many_workers_take_turns_on_few_connections(postgres_url: str) -> None:
    with create_study(postgres_url, "one", example_manifest()) as made, OpenDatabase(postgres_url, WORKERS) as database:
        shared, together = database.study("one"), Barrier(WORKERS)

        def ask_often(_: int) -> None:
            together.wait()
            for _ in range(20):
                shared.ledger.counts()

        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(ask_often, range(WORKERS)))
        made.engine.dispose()
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with made.engine.connect() as connection:
            assert connection.scalar(sa.text(query)) <= 1 + WORKERS // 4
