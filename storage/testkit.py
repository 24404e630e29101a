"""What tests need of a study: filled-in records, leases that have run out, a client that knows nothing of us."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.engine import Engine

from spaces.epoch_scores import EpochScores
from storage.ledger import Ledger
from storage.manifest import Manifest
from storage.objective import Objective
from storage.records import Lease, Outcome, SlotOrder
from storage.study import SharedStudy
from storage.tables import database_now, epochs, slots, workers
from storage.transaction import reading, writing
from storage.url import check_url

LEASE_S = 60.0  # twice the default, so that no lease runs out by itself while a test runs on a busy machine
HIGHER = Objective("val_accuracy", "maximize")
LOWER = Objective("val_loss", "minimize")
COMPLETE = Outcome(state="complete", value=0.9, epochs=3)


def example_manifest(**changes: Any) -> Manifest:
    """A manifest with everything filled in."""
    fields = {
        "space": "bn_dropout",
        "space_version": 1,
        "space_fingerprint": "5a",
        "dataset": "digits",
        "dataset_fingerprint": "da",
        "image_shape": (8, 8, 1),
        "classes": tuple("0123456789"),
        "n_train": 1150,
        "n_validation": 287,
        "n_test": 360,
        "epochs": 5,
        "batch_size": 64,
        "objective": "val_accuracy",
        "direction": "maximize",
        "sampler": "tpe",
        "pruner": "asha",
        "seed": 1,
        "artifacts": "artifacts",
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    return Manifest(**{**fields, **changes})


def example_epoch(epoch: int = 1, **changes: Any) -> EpochScores:
    """The scores of an epoch."""
    scores = {
        "loss": 0.5,
        "accuracy": 0.8,
        "val_loss": 0.6,
        "val_accuracy": 0.75,
        "seconds": 0.2,
        "learning_rate": 1e-3,
    }
    return EpochScores(epoch=epoch, **{**scores, **changes})


def expire(study: SharedStudy, slot: int) -> None:
    """Makes a slot's lease one that has run out, as if its worker had been silent for long enough."""
    expire_slot(study.engine, study.trials.storage.get_study_id_from_name(study.name), slot)


def expire_slot(engine: Engine, study_id: int, slot: int) -> None:
    """As `expire`, where there is no more than a ledger."""
    of_the_slot = (slots.c.study_id == study_id, slots.c.number == slot)
    with writing(engine) as connection:
        connection.execute(sa.update(slots).where(*of_the_slot).values(lease_expires_at=database_now() - 1))


def set_clock_back(study: SharedStudy, seconds: float) -> None:
    """Makes all times that are stored what they are once the database's clock was set back."""
    times = {
        slots: (slots.c.lease_expires_at, slots.c.finished_at),
        epochs: (epochs.c.recorded_at,),
        workers: (workers.c.started_at, workers.c.seen_at),
    }
    with writing(study.engine) as connection:
        for table, columns in times.items():
            connection.execute(sa.update(table).values({column.name: column + seconds for column in columns}))


def backdate_finishes(study: SharedStudy) -> None:
    """Puts a second between the ends of slots, the last slot ending first: two may end in one tick of a clock."""
    with writing(study.engine) as connection:
        connection.execute(sa.update(slots).values(finished_at=slots.c.finished_at - slots.c.number))


@contextlib.contextmanager
def plain_client(url: str) -> Iterator[RDBStorage]:
    """The database as a program sees it that knows Optuna and nothing of ours."""
    storage = RDBStorage(check_url(url))
    yield storage
    storage.engine.dispose()


def reuse_numbers(engine: Engine) -> None:
    """Has Postgres give the numbers of deleted studies and trials again, as SQLite does, and a restored database."""
    if engine.dialect.name == "postgresql":
        with writing(engine) as connection:
            connection.execute(sa.text("ALTER SEQUENCE studies_study_id_seq RESTART"))
            connection.execute(sa.text("ALTER SEQUENCE trials_trial_id_seq RESTART"))


def everything(study: SharedStudy) -> Any:
    """All that is stored of a study, but for times."""
    attributes = study.study.user_attrs, study.trials.storage.get_study_system_attrs(study.study_id)
    ledger = study.ledger
    rows = ledger.slots(), ledger.all_epochs(), ledger.stop_reason(), study.workers.all()
    return attributes, study.study.get_trials(), rows


def claimed(ledger: Ledger, worker_id: str = "worker") -> Lease:
    """A lease on the next slot, which must be there."""
    lease = ledger.claim(worker_id, LEASE_S)
    if lease is None:
        raise AssertionError("no slot could be claimed")
    return lease


def order_all(ledger: Ledger, orders: Sequence[SlotOrder]) -> None:
    """Gives a study that has no slots yet exactly these."""
    ledger.order_up_to(len(orders), orders.__getitem__)


def bound(ledger: Ledger, lease: Lease, trial_number: int) -> Lease:
    """The lease, once the trial is its slot's."""
    return msgspec.structs.replace(lease, trial_number=ledger.bind(lease, lambda *_: {lease.slot: trial_number}))


def leases_left_s(engine: Engine, study_id: int) -> dict[int, float]:
    """How long each lease of a study will last, in seconds, by slot; negative once it has expired."""
    query = sa.select(slots.c.number, (slots.c.lease_expires_at - database_now()).label("left_s"))
    with reading(engine) as connection:
        found = connection.execute(query.where(slots.c.study_id == study_id, slots.c.state == "leased"))
        return {row.number: row.left_s for row in found}
