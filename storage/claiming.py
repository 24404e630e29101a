"""Which slot a worker gets next, and why it gets none: on Postgres one statement, which is a transaction of its own.

A worker without anything to do asks this again and again, and with it whatever else it has to know. On SQLite, and in
a search that has ended, it takes a few queries in one transaction.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from storage import rows
from storage.closing import close_claimable, read_ended
from storage.identity import StudyKey, deleted
from storage.records import Lease, Unclaimed
from storage.tables import database_now, is_open, is_unconfirmed, manifests, slots

SMALL_STEP_S = 1.0  # clock synchronization may set a clock back by this much; leases then only last longer


class Claim(NamedTuple):
    """What a claim came to: a lease, or why there is none. `ended` is whether the search has ended, so that slots may
    have to be closed.
    """

    result: Lease | Unclaimed
    ended: bool = False


def claim_at_once(connection: Connection, study: StudyKey, worker_id: str, lease_s: float) -> Claim:
    """Claims a slot on a Postgres connection without a transaction.

    Raises:
        StudyNotFound: the study was deleted.
    """
    row = connection.execute(claim_statement(study, worker_id, lease_s)).one_or_none()
    if row is None:
        raise deleted()
    if row.number is not None:
        return Claim(rows.as_lease(row, {"token": row.token, "worker_id": row.worker_id}, lease_s))
    return Claim(Unclaimed(row.is_stopped, row.has_open, row.has_unsettled), row.is_ended)


def claim_in_steps(connection: Connection, study: StudyKey, worker_id: str, lease_s: float) -> Claim:
    """Claims a slot in the connection's transaction; closes those of a search that has ended.

    Raises:
        StudyNotFound: the study was deleted.
    """
    state = connection.execute(study.query(manifests.c.stop_reason)).one_or_none()
    if state is None:
        raise deleted()
    ended = read_ended(connection, study.study_id)
    if ended is not None:
        close_claimable(connection, study.study_id, ended)
    if state.stop_reason is None and ended is None:
        row = connection.execute(claimable(study.study_id, lease_s)).one_or_none()
        row = row or connection.execute(claimable_again(study.study_id, lease_s)).one_or_none()
        if row is not None:
            return Claim(leased(connection, study, row, worker_id, lease_s))
    has_open, has_unsettled = connection.execute(sa.select(*still_there(study.study_id))).one()
    return Claim(Unclaimed(state.stop_reason is not None, bool(has_open), bool(has_unsettled)), ended is not None)


def leased(connection: Connection, study: StudyKey, row: Row[Any], worker_id: str, lease_s: float) -> Lease:
    """The lease on a slot that the transaction has locked, from its row."""
    changed = {"token": row.token + 1, "worker_id": worker_id, **expired_attempt(row)}
    update = sa.update(slots).where(slots.c.study_id == study.study_id, slots.c.number == row.number)
    connection.execute(update.values(state="leased", lease_expires_at=database_now() + lease_s, **changed))
    return rows.as_lease(row, changed, lease_s)


def claim_statement(study: StudyKey, worker_id: str, lease_s: float) -> sa.Select[Any]:
    """The statement that claims a slot: one row with what is known of the study, and the slot's columns, NULL where
    there is none. No row where the study isn't there.
    """
    here = study.query(manifests.c.stop_reason).add_columns(manifests.c.ended).cte("here")
    goes_on = sa.exists().where(here.c.stop_reason.is_(None), here.c.ended.is_(None))
    first = claimable(study.study_id, lease_s).where(goes_on).cte("first_free")
    again = claimable_again(study.study_id, lease_s).where(goes_on, sa.not_(sa.exists(sa.select(first.c.number))))
    free = sa.union_all(sa.select(first.c.number), sa.select(again.cte("free_again").c.number)).cte("free")
    lost = sa.case((slots.c.state == "leased", 1), else_=0)
    reason = sa.case(
        (slots.c.state == "leased", sa.func.concat("the lease of worker ", slots.c.worker_id, " expired")),
        else_=slots.c.last_failure,
    )
    claimed = (
        sa.update(slots)
        .where(slots.c.study_id == study.study_id, slots.c.number == free.c.number)
        .values(
            state="leased",
            token=slots.c.token + 1,
            worker_id=worker_id,
            lease_expires_at=database_now() + lease_s,
            expiries=slots.c.expiries + lost,
            last_failure=reason,
        )
        .returning(*slots.c)
        .cte("claimed")
    )
    known = (here.c.stop_reason.is_not(None).label("is_stopped"), here.c.ended.is_not(None).label("is_ended"))
    query = sa.select(*known, *still_there(study.study_id), *claimed.c)
    return query.select_from(here.outerjoin(claimed, sa.true()))


def still_there(study_id: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Whether the study has slots without a result, and finished trials that may not be settled. Asked for the first of
    them, a planner takes their index; asked whether there are any, it may look through all that are done.
    """
    first = sa.select(slots.c.number).where(slots.c.study_id == study_id).order_by(slots.c.number).limit(1)
    has_open = first.where(is_open).scalar_subquery().is_not(None)
    has_unsettled = first.where(is_unconfirmed).scalar_subquery().is_not(None)
    return has_open.label("has_open"), has_unsettled.label("has_unsettled")


def claimable(study_id: int, lease_s: float | None = None) -> sa.Select[Any]:
    """The query for the next slot among those without earlier expired leases; on Postgres it skips slots that
    other workers are claiming. `lease_s` is the length of the study's leases; None for any length.
    """
    return free_slots(study_id, lease_s).where(slots.c.expiries == 0).order_by(slots.c.number)


def claimable_again(study_id: int, lease_s: float | None = None) -> sa.Select[Any]:
    """As `claimable`, among the slots with earlier expired leases."""
    return free_slots(study_id, lease_s).where(slots.c.expiries > 0).order_by(slots.c.expiries, slots.c.number)


def free_slots(study_id: int, lease_s: float | None) -> sa.Select[Any]:
    """The query for one slot that is waiting or whose lease has expired."""
    free = sa.or_(slots.c.state == "waiting", *expired(lease_s))
    query = sa.select(slots).where(slots.c.study_id == study_id, is_open, free)
    return query.limit(1).with_for_update(skip_locked=True, of=slots)


def expired(lease_s: float | None) -> Iterator[sa.ColumnElement[bool]]:
    """Each condition under which a lease has expired.

    A lease that ends later than a new one would was given before the database's clock was set back. Its worker may be
    dead; if it isn't, it loses an epoch.
    """
    yield slots.c.lease_expires_at <= database_now()
    if lease_s is not None:
        yield slots.c.lease_expires_at > database_now() + lease_s + SMALL_STEP_S


def expired_attempt(row: Row[Any]) -> dict[str, Any]:
    """What a claim records about the previous attempt, whose lease is still there if it didn't release it. A
    killed or disconnected worker says little about the trial, so this doesn't count as a failure.
    """
    if row.state != "leased":
        return {}
    return {"expiries": row.expiries + 1, "last_failure": f"the lease of worker {row.worker_id} expired"}
