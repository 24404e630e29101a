"""A process that opens a database twice keeps its hold on it."""

import subprocess
import sys

import sqlalchemy as sa

from storage import create_study, open_study
from storage.records import SlotOrder
from storage.tables import slots
from storage.testkit import example_manifest
from tests.helpers.paths import ROOT

LOOK = """
import sys
from storage import open_study
with open_study(sys.argv[1], "S") as shared:
    print([slot.seed for slot in shared.ledger.slots()])
"""


def test_what_is_written_after_the_database_was_opened_again_and_by_another_process_stays(sqlite_url: str) -> None:
    with create_study(sqlite_url, "S", example_manifest()) as shared:
        shared.ledger.order_up_to(1, lambda _: SlotOrder(seed=1))
        with shared.engine.connect() as busy:
            busy.execute(sa.select(slots)).all()
            busy.rollback()
            open_study(sqlite_url, "S").close()
            assert seen_by_another_process(sqlite_url) == "[1]"
            busy.execute(sa.update(slots).values(seed=2))
            busy.commit()
            assert seen_by_another_process(sqlite_url) == "[2]"


def seen_by_another_process(url: str) -> str:
    done = subprocess.run([sys.executable, "-c", LOOK, url], check=True, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()
