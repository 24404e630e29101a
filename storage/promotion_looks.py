"""What can be said of promotion without the study's lock: most trials that come to a rung are paused, and most claims
find no trial to resume.

Each is one statement. Hundreds of workers come to rungs all the time, and those that can be sure needn't wait for each
other. What may go on is decided under the lock (storage/promotion.py). Of two trials that come to a rung in the same
moment neither may know of the other, so that one is paused that would have gone on: the next worker that asks resumes
it.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from storage.epoch_report import is_held
from storage.identity import StudyKey
from storage.records import Lease
from storage.rungs import Rungs
from storage.tables import database_now, is_open, is_unconfirmed, manifests, rungs, slots


def pause_at_once(
    connection: Connection, study: StudyKey, lease: Lease, rule: Rungs, epoch: int, value: float | None
) -> bool:
    """Pauses a leased slot that comes to a rung for the first time, on a Postgres connection without a transaction, if
    its trial is sure not to go on, and no rule may end the search with it. False if nothing was done.
    """
    judged = rungs.alias()
    of_slot = (judged.c.study_id == study.study_id, judged.c.number == lease.slot)
    known = sa.exists().where(*of_slot, sa.or_(judged.c.epoch == epoch, judged.c.fate == "finishing"))
    goes_on = study.query(manifests.c.study_id).where(manifests.c.ending.is_(None), manifests.c.ended.is_(None))
    stays = sa.or_(is_surpassed(study, lease.slot, rule, epoch, value), sa.not_(has_place(study, rule, epoch, more=1)))
    paused = (
        sa.update(slots)
        .where(*is_held(study, lease), goes_on.exists(), sa.not_(known), stays, under_way(study, rule, but=lease.slot))
        .values(state="paused", lease_expires_at=None)
        .returning(slots.c.number)
        .cte("paused")
    )
    row = {"epoch": sa.literal(epoch), "value": sa.cast(value, sa.Double), "fate": sa.cast("paused", rungs.c.fate.type)}
    columns = [sa.literal(study.study_id), paused.c.number, *row.values(), database_now()]
    insert = postgresql.insert(rungs).from_select(["study_id", "number", *row, "recorded_at"], sa.select(*columns))
    noted = insert.returning(rungs.c.number).cte("noted")
    return connection.scalar(sa.select(sa.func.count()).select_from(noted)) == 1


def may_resume(connection: Connection, study: StudyKey, rule: Rungs) -> bool | None:
    """Whether a paused trial may have to go on: one may be promoted, or none is under way or to come. None if the study
    isn't there.
    """
    may_go_on = sa.or_(
        *[sa.and_(has_candidate(study, epoch), has_place(study, rule, epoch)) for epoch in rule.epochs],
        sa.not_(under_way(study, rule)),
    )
    goes_on = sa.and_(manifests.c.stop_reason.is_(None), manifests.c.ended.is_(None))
    may = sa.and_(goes_on, is_any(study, is_open, slots.c.state == "paused"), may_go_on)
    query: sa.Select[Any] = study.query(manifests.c.study_id)
    row = connection.execute(query.add_columns(may.label("may"))).one_or_none()
    return None if row is None else bool(row.may)


class Closable(NamedTuple):
    """Whether any paused trials may have to end, and whether Optuna may not know yet of any that have."""

    paused: bool
    untold: bool


def may_close(connection: Connection, study: StudyKey) -> Closable | None:
    """What there may be to close. None if the study isn't there."""
    over = sa.or_(manifests.c.stop_reason.is_not(None), manifests.c.ended.is_not(None))
    on = is_any(study, is_open, slots.c.state.in_(("waiting", "leased")))
    paused = sa.and_(is_any(study, is_open, slots.c.state == "paused"), sa.or_(over, sa.not_(on)))
    untold = is_any(study, is_unconfirmed, slots.c.kind == "paused")
    query: sa.Select[Any] = study.query(manifests.c.study_id)
    row = connection.execute(query.add_columns(paused.label("paused"), untold.label("untold"))).one_or_none()
    return None if row is None else Closable(bool(row.paused), bool(row.untold))


def is_any(study: StudyKey, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> sa.ColumnElement[bool]:
    """The condition that the study has such a slot. Asked for the first, a planner takes the slots' index."""
    first = sa.select(slots.c.number).where(slots.c.study_id == study.study_id, *conditions)
    return first.order_by(slots.c.number).limit(1).scalar_subquery().is_not(None)


def is_surpassed(
    study: StudyKey, slot: int, rule: Rungs, epoch: int, value: float | None
) -> sa.ColumnElement[bool] | sa.False_:
    """The condition that a slot of that value isn't the best of those that are paused at a rung."""
    if value is None:
        return sa.true()
    better = rungs.c.value > value if rule.direction == "maximize" else rungs.c.value < value
    first = sa.or_(better, sa.and_(rungs.c.value == value, rungs.c.number < slot))
    return sa.exists().where(rungs.c.study_id == study.study_id, rungs.c.epoch == epoch, is_candidate, first)


is_candidate = sa.and_(rungs.c.fate == "paused", rungs.c.value.is_not(None))


def has_candidate(study: StudyKey, epoch: int) -> sa.ColumnElement[bool]:
    """The condition that a trial is paused at a rung, with a value."""
    return sa.exists().where(rungs.c.study_id == study.study_id, rungs.c.epoch == epoch, is_candidate)


def has_place(study: StudyKey, rule: Rungs, epoch: int, more: int = 0) -> sa.ColumnElement[bool]:
    """The condition that another trial may be promoted from a rung once `more` have come there."""
    promoted = sa.func.coalesce(sa.func.sum(sa.case((rungs.c.fate == "promoted", 1), else_=0)), 0)
    enough = (promoted + 1) * rule.reduction <= sa.func.count() + more
    here = (rungs.c.study_id == study.study_id, rungs.c.epoch == epoch)
    return sa.select(enough).select_from(rungs).where(*here).scalar_subquery()


def under_way(study: StudyKey, rule: Rungs, but: int | None = None) -> sa.ColumnElement[bool]:
    """The condition that any slot, `but` for that one, is to come, or is leased and may still be paused."""
    there = slots.alias()
    on = sa.and_(there.c.state == "leased", is_past_rungs(study, rule, there.c.number))
    here = (there.c.study_id == study.study_id, is_open, there.c.state != "paused", sa.not_(on))
    first = sa.select(there.c.number).where(*here).order_by(there.c.number).limit(1)
    if but is not None:
        first = first.where(there.c.number != but)
    return first.scalar_subquery().is_not(None)


def is_past_rungs(study: StudyKey, rule: Rungs, number: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The condition that no rung can pause the trial of that slot any more."""
    past = sa.or_(
        rungs.c.fate == "finishing", sa.and_(rungs.c.fate == "promoted", rungs.c.epoch == (rule.epochs or (0,))[-1])
    )
    return sa.exists().where(rungs.c.study_id == study.study_id, rungs.c.number == number, past)
