"""Optuna's tables, as far as this package reads and writes them itself.

Optuna's storage makes a trial in some twenty round trips, all under the lock of its study, and reads everything of a
running trial to write one value into it: hundreds of workers would wait for each other. Its tables aren't a documented
interface, so databases whose tables have another version are refused (`storage.schema.require_known_optuna`), and
tests/storage/test_optuna_tables.py fails when an upgrade changes a column, or what Optuna itself would have written.
"""

import math

import sqlalchemy as sa
from optuna.trial import TrialState

UNFINISHED = ("RUNNING", "WAITING")  # states of trials
trials = sa.table(
    "trials",
    sa.column("trial_id", sa.Integer),
    sa.column("study_id", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("state", sa.Enum(TrialState, name="trialstate")),
    sa.column("datetime_start", sa.DateTime),
    sa.column("datetime_complete", sa.DateTime),
)
# The tables below have a trial's id first, and what their rows are ordered by second.
params = sa.table(
    "trial_params",
    sa.column("trial_id", sa.Integer),
    sa.column("param_id", sa.Integer),
    sa.column("param_name", sa.String),
    sa.column("param_value", sa.Float),
    sa.column("distribution_json", sa.Text),
)
VALUE_KINDS = ("FINITE", "INF_POS", "INF_NEG")
values = sa.table(
    "trial_values",
    sa.column("trial_id", sa.Integer),
    sa.column("objective", sa.Integer),
    sa.column("value", sa.Float),
    sa.column("value_type", sa.Enum(*VALUE_KINDS, name="trialvaluetype")),
)
SCORE_KINDS = ("FINITE", "INF_POS", "INF_NEG", "NAN")
intermediate_values = sa.table(
    "trial_intermediate_values",
    sa.column("trial_id", sa.Integer),
    sa.column("step", sa.Integer),
    sa.column("intermediate_value", sa.Float),
    sa.column("intermediate_value_type", sa.Enum(*SCORE_KINDS, name="trialintermediatevaluetype")),
)
system_attributes = sa.table(
    "trial_system_attributes",
    sa.column("trial_id", sa.Integer),
    sa.column("key", sa.String),
    sa.column("value_json", sa.Text),
)
user_attributes = sa.table(
    "trial_user_attributes",
    sa.column("trial_id", sa.Integer),
    sa.column("key", sa.String),
    sa.column("value_json", sa.Text),
)

NOT_FINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def as_float(value: float | None, kind: str) -> float:
    """A number from the two columns in which Optuna stores one that may not be finite."""
    return NOT_FINITE[kind] if value is None else value


def stored_number(value: float) -> tuple[float | None, str]:
    """The two columns of a number: what `as_float` reads."""
    if math.isnan(value):
        return None, "NAN"
    if math.isinf(value):
        return None, "INF_POS" if value > 0 else "INF_NEG"
    return value, "FINITE"
