"""The queries that run all the time read the slots that they need, however many are done."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from storage.claiming import claimable, claimable_again, still_there
from storage.study import SharedStudy, create_study
from storage.tables import is_unconfirmed, slots
from storage.testkit import example_manifest
from storage.transaction import writing

DONE, OPEN = 3_000, 5


@pytest.fixture
def study_id(study: SharedStudy) -> int:
    """A study of many done slots, and a few that are open."""
    study_id = study.trials.storage.get_study_id_from_name(study.name)
    done = {"state": "done", "outcome": "complete", "confirmed": True}
    waiting = {"state": "waiting", "outcome": None, "confirmed": False}
    values = [
        {"study_id": study_id, "number": number, "seed": number, **(done if number < DONE else waiting)}
        for number in range(DONE + OPEN)
    ]
    with writing(study.engine) as connection:
        connection.execute(sa.insert(slots), values)
        connection.execute(sa.text("ANALYZE"))
    return study_id


@pytest.fixture
def study(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "demo", example_manifest()) as study:
        yield study


def plan(study: SharedStudy, query: "sa.Select[*tuple[Any, ...]]") -> str:
    """How the database would run the query."""
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[study.engine.dialect.name]
    text = query.compile(study.engine, compile_kwargs={"literal_binds": True})
    with writing(study.engine) as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {text}"))


def test_a_claim_reads_the_index_of_open_slots(study: SharedStudy, study_id: int) -> None:
    found = plan(study, claimable(study_id))
    assert "search_slots_open" in found
    assert "SCAN search_slots" not in found
    assert "Seq Scan" not in found


def test_a_claim_needs_no_sorting(study: SharedStudy, study_id: int) -> None:
    found = plan(study, claimable(study_id))
    assert "Sort" not in found
    assert "TEMP B-TREE" not in found


def test_a_claim_of_a_slot_that_has_lost_workers_reads_the_open_slots_alone(study: SharedStudy, study_id: int) -> None:
    found = plan(study, claimable_again(study_id))
    assert "search_slots_open" in found
    assert "SCAN search_slots" not in found
    assert "Seq Scan" not in found


def test_what_is_left_to_do_is_found_by_the_indexes(study: SharedStudy, study_id: int) -> None:
    found = plan(study, sa.select(*still_there(study_id)))
    assert "search_slots_open" in found
    assert "search_slots_unconfirmed" in found
    assert "Seq Scan" not in found


def test_the_unconfirmed_are_found_by_their_index(study: SharedStudy, study_id: int) -> None:
    query = sa.select(slots).where(slots.c.study_id == study_id, is_unconfirmed).order_by(slots.c.number)
    assert "search_slots_unconfirmed" in plan(study, query)
