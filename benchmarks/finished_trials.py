"""Finished trials in Optuna's tables, a statement per table: Optuna itself takes some twenty round trips for each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial

from storage.optuna_tables import intermediate_values, params, stored_number, trials, values
from storage.tables import studies


def insert_finished(engine: sa.Engine, study: str, finished: Sequence[FrozenTrial]) -> None:
    """Adds complete trials without attributes to a study, with numbers after those of its trials."""
    with engine.begin() as connection:
        study_id = connection.scalar(sa.select(studies.c.study_id).where(studies.c.study_name == study))
        count = sa.select(sa.func.count()).select_from(trials).where(trials.c.study_id == study_id)
        first, now = connection.scalar(count) or 0, datetime.now()
        rows = [
            {
                "study_id": study_id,
                "number": first + index,
                "state": trial.state,
                "datetime_start": now,
                "datetime_complete": now,
            }
            for index, trial in enumerate(finished)
        ]
        connection.execute(sa.insert(trials), rows)
        of_study = sa.select(trials.c.trial_id).where(trials.c.study_id == study_id, trials.c.number >= first)
        ids = connection.scalars(of_study.order_by(trials.c.number)).all()
        made = list(zip(ids, finished, strict=True))
        connection.execute(sa.insert(params), [row for trial_id, trial in made for row in _params(trial_id, trial)])
        connection.execute(sa.insert(values), [_value(trial_id, trial) for trial_id, trial in made])
        scores = [row for trial_id, trial in made for row in _scores(trial_id, trial)]
        connection.execute(sa.insert(intermediate_values), scores)


def _params(trial_id: int, trial: FrozenTrial) -> list[dict[str, Any]]:
    return [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": kind.to_internal_repr(trial.params[name]),
            "distribution_json": distribution_to_json(kind),
        }
        for name, kind in trial.distributions.items()
    ]


def _value(trial_id: int, trial: FrozenTrial) -> dict[str, Any]:
    assert trial.value is not None
    value, kind = stored_number(trial.value)
    return {"trial_id": trial_id, "objective": 0, "value": value, "value_type": kind}


def _scores(trial_id: int, trial: FrozenTrial) -> list[dict[str, Any]]:
    stored = {step: stored_number(score) for step, score in trial.intermediate_values.items()}
    return [
        {"trial_id": trial_id, "step": step, "intermediate_value": value, "intermediate_value_type": kind}
        for step, (value, kind) in stored.items()
    ]
