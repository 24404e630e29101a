"""The end of a trial in Optuna's tables, as Optuna writes it, in two statements."""

import math
from datetime import UTC, datetime

import sqlalchemy as sa
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from storage.optuna_tables import as_float, intermediate_values, stored_number, trials, values
from storage.trial_rows import upsert


def end_trial(connection: Connection, trial_id: int, state: TrialState, value: float | None) -> None:
    """Ends a trial that `require_unfinished` has locked. One that is pruned gets the value of its last epoch, if that
    is a number.
    """
    reached = last_value(connection, trial_id) if state is TrialState.PRUNED else value
    if reached is not None and not math.isnan(reached):
        found = dict(zip(("value", "value_type"), stored_number(reached), strict=True))
        insert = upsert(connection, values).values(trial_id=trial_id, objective=0, **found)
        connection.execute(insert.on_conflict_do_update(index_elements=["trial_id", "objective"], set_=found))
    ended = {"state": state, "datetime_complete": datetime.now(UTC).replace(tzinfo=None)}
    connection.execute(sa.update(trials).where(trials.c.trial_id == trial_id).values(ended))


def last_value(connection: Connection, trial_id: int) -> float | None:
    """The value of a trial after its last epoch, NaN if it isn't a number; None if it has none."""
    columns = (intermediate_values.c.intermediate_value, intermediate_values.c.intermediate_value_type)
    query = sa.select(*columns).where(intermediate_values.c.trial_id == trial_id)
    row = connection.execute(query.order_by(intermediate_values.c.step.desc()).limit(1)).one_or_none()
    return None if row is None else as_float(*row)
