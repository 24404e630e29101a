"""An epoch that a worker reports: on Postgres one statement, which is a transaction of its own.

It checks the lease, renews it, stores the epoch, and writes the trial's value for Optuna. Hundreds of workers report
all the time, so that round trips count, and so does the time for which a row is locked.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from spaces.epoch_scores import EpochScores
from storage import rows
from storage.identity import StudyKey
from storage.optuna_tables import UNFINISHED, intermediate_values, stored_number, trials
from storage.records import Lease
from storage.tables import database_now, epochs, slots
from storage.trial_rows import upsert


class TrialScore(NamedTuple):
    """The objective after an epoch, for Optuna's trial of this id; NaN where it isn't a number."""

    trial_id: int
    value: float


class Stored(NamedTuple):
    """What a report found: whether the lease was held, the epoch was new, and Optuna's trial wasn't finished."""

    held: bool
    new: bool
    told: bool


def report_at_once(
    connection: Connection, study: StudyKey, lease: Lease, epoch: EpochScores, score: TrialScore | None
) -> Stored:
    """Reports an epoch of a leased slot that has a trial, on a Postgres connection without a transaction."""
    of_trial = (epochs.c.study_id == study.study_id, epochs.c.trial_number == slots.c.trial_number)
    known = sa.exists().where(*of_trial, epochs.c.epoch == epoch.epoch)
    held = (
        sa.update(slots)
        .where(*is_held(study, lease), slots.c.trial_number.is_not(None), study.is_there())
        .values(renewed(lease) | {name: sa.case((known, slots.c[name]), else_=value) for name, value in RESET.items()})
        .returning(slots.c.trial_number)
        .cte("held")
    )
    values = rows.epoch_values(epoch, lease.token)
    columns = [sa.cast(value, epochs.c[name].type).label(name) for name, value in values.items()]
    row = sa.select(sa.literal(study.study_id), held.c.trial_number, *columns)
    insert = postgresql.insert(epochs).from_select(["study_id", "trial_number", *values], row)
    stored = insert.on_conflict_do_nothing().returning(epochs.c.epoch).cte("stored")
    counted = [counted_in(held), counted_in(stored)]
    if score is not None:
        counted.append(counted_in(told_once(held, epoch.epoch, score)))
    n_held, n_stored, *n_told = connection.execute(sa.select(*counted)).one()
    return Stored(n_held == 1, n_stored == 1, n_told != [0])


def told_once(held: sa.CTE, step: int, score: TrialScore) -> sa.CTE:
    """The part of the statement that writes the value for Optuna, unless its trial is finished."""
    table, (value, kind) = intermediate_values, stored_number(score.value)
    of_trial = sa.exists().where(trials.c.trial_id == score.trial_id, trials.c.state.in_(UNFINISHED))
    row = sa.select(
        sa.literal(score.trial_id),
        sa.literal(step),
        sa.cast(value, sa.Double),
        sa.cast(kind, table.c.intermediate_value_type.type),
    )
    names = ["trial_id", "step", "intermediate_value", "intermediate_value_type"]
    insert = postgresql.insert(table).from_select(names, row.select_from(held).where(of_trial))
    set_ = {name: insert.excluded[name] for name in names[2:]}
    return insert.on_conflict_do_update(index_elements=names[:2], set_=set_).returning(table.c.step).cte("told")


def report_in_steps(
    connection: Connection,
    study: StudyKey,
    lease: Lease,
    trial_number: int,
    epoch: EpochScores,
    score: TrialScore | None,
) -> Stored:
    """Reports an epoch of a slot that is locked and held, in the connection's transaction."""
    values = {"study_id": study.study_id, "trial_number": trial_number, **rows.epoch_values(epoch, lease.token)}
    new = connection.execute(upsert(connection, epochs).values(values).on_conflict_do_nothing()).rowcount == 1
    changed = renewed(lease) | (RESET if new else {})
    connection.execute(sa.update(slots).where(*is_held(study, lease)).values(changed))
    return Stored(held=True, new=new, told=score is None or tell(connection, epoch.epoch, score))


def tell(connection: Connection, step: int, score: TrialScore) -> bool:
    """Writes the value for Optuna; false if its trial is finished."""
    state = connection.scalar(sa.select(trials.c.state).where(trials.c.trial_id == score.trial_id))
    if state is None or state.is_finished():
        return False
    value, kind = stored_number(score.value)
    found = {"intermediate_value": value, "intermediate_value_type": kind}
    insert = upsert(connection, intermediate_values).values(trial_id=score.trial_id, step=step, **found)
    connection.execute(insert.on_conflict_do_update(index_elements=["trial_id", "step"], set_=found))
    return True


def is_held(study: StudyKey, lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions under which a slot is leased by this lease."""
    return (
        slots.c.study_id == study.study_id,
        slots.c.number == lease.slot,
        slots.c.token == lease.token,
        slots.c.worker_id == lease.worker_id,
        slots.c.state == "leased",
    )


RESET: dict[str, Any] = {"failures": 0, "expiries": 0, "last_failure": None}


def renewed(lease: Lease) -> dict[str, Any]:
    """The columns of a slot that a renewal changes."""
    return {"lease_expires_at": database_now() + lease.lease_s}


def counted_in(cte: sa.CTE) -> sa.ScalarSelect[int]:
    """How many rows a part of a statement has given."""
    return sa.select(sa.func.count()).select_from(cte).scalar_subquery()
