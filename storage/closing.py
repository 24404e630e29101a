"""The end of a search in the ledger: stored in the transaction that stores the result which meets the study's rule.

All slots that could be claimed are closed in that transaction. Those without a trial are taken back, as if they had
never been ordered, and their numbers can be ordered again. Those that are paused, whose worker was lost, or has handed
back its trial, end that trial as pruned. Running trials go on to their end.
"""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage.ending import Ended, EndingRule, FinishedTrial, reason_to_end
from storage.records import Outcome
from storage.rows import outcome_values
from storage.tables import database_now, is_open, manifests, rungs, slots


def read_rule(connection: Connection, study_id: int) -> EndingRule | None:
    """What ends the study's search, None if nothing does but the number of its trials."""
    text = connection.scalar(sa.select(manifests.c.ending).where(manifests.c.study_id == study_id))
    return None if text is None else msgspec.json.decode(text, type=EndingRule)


def read_ended(connection: Connection, study_id: int) -> Ended | None:
    """What has ended the study's search, None if nothing has."""
    text = connection.scalar(sa.select(manifests.c.ended).where(manifests.c.study_id == study_id))
    return None if text is None else msgspec.json.decode(text, type=Ended)


def end_if_met(connection: Connection, study_id: int, rule: EndingRule) -> None:
    """Ends the search if its rule is met; the caller holds the study's lock."""
    if read_ended(connection, study_id) is not None:
        return
    trials = finished_trials(connection, study_id)
    reason = reason_to_end(rule, trials)
    if reason is None:
        return
    by, words = reason
    ordered = connection.scalar(sa.select(sa.func.count()).where(slots.c.study_id == study_id)) or 0
    ended = Ended(by=by, words=words, finished=len(trials), ordered=ordered)
    write_state(connection, study_id, ended=encoded(ended))
    close_claimable(connection, study_id, ended)


def close_claimable(connection: Connection, study_id: int, ended: Ended) -> None:
    """Closes the slots of an ended search that no worker has: paused and waiting ones, and those whose lease has
    expired.
    """
    close_paused(connection, study_id, f"the search ended before it was resumed: {ended.words}")
    free = sa.or_(slots.c.state == "waiting", slots.c.lease_expires_at <= database_now())
    here = (slots.c.study_id == study_id, is_open, free)
    connection.execute(sa.delete(slots).where(*here, slots.c.trial_number.is_(None)))
    outcome = outcome_values(Outcome("pruned", None, f"the search ended before it: {ended.words}"))
    fenced = {"token": slots.c.token + 1, "lease_expires_at": None}  # a worker that wakes up has lost the slot
    connection.execute(sa.update(slots).where(*here).values(state="done", **fenced, **outcome))


def close_paused(connection: Connection, study_id: int, why: str) -> list[int]:
    """Ends the paused trials as pruned, with the value that they had when they were paused; returns their slots."""
    here = (slots.c.study_id == study_id, slots.c.number == rungs.c.number, slots.c.state == "paused")
    paused = (rungs.c.study_id == study_id, rungs.c.fate == "paused")
    found = connection.execute(sa.select(rungs).where(*paused, sa.exists().where(*here)).order_by(rungs.c.number)).all()
    for row in found:
        reason = f"paused after {row.epoch} epoch{'s' * (row.epoch > 1)}; {why}"
        outcome = outcome_values(Outcome("pruned", row.value, reason, "paused", row.epoch))
        this = (slots.c.study_id == study_id, slots.c.number == row.number)
        connection.execute(sa.update(slots).where(*this).values(state="done", **outcome))
    connection.execute(sa.update(rungs).where(*paused).values(fate="closed"))
    return [row.number for row in found]


def finished_trials(connection: Connection, study_id: int) -> list[FinishedTrial]:
    """The study's finished trials, in the order in which they finished. Paused ones are among them as pruned, since
    that is how they end unless they turn out to be better than others.
    """
    of_slot = (rungs.c.study_id == study_id, rungs.c.number == slots.c.number)
    paused_at = sa.select(sa.func.max(rungs.c.recorded_at)).where(*of_slot).scalar_subquery()
    state = sa.func.coalesce(slots.c.outcome, "pruned")
    query = sa.select(state, slots.c.value, slots.c.trial_number).where(
        slots.c.study_id == study_id, slots.c.state.in_(("paused", "done"))
    )
    rows = connection.execute(query.order_by(sa.func.coalesce(slots.c.finished_at, paused_at), slots.c.number))
    return [FinishedTrial(*row) for row in rows]


def write_state(connection: Connection, study_id: int, **values: Any) -> None:
    """Stores columns of the study's row."""
    connection.execute(sa.update(manifests).where(manifests.c.study_id == study_id).values(**values))


def encoded(record: Ended | EndingRule) -> str:
    """The record as a column holds it."""
    return msgspec.json.encode(record, order="deterministic").decode()
