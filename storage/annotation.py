"""Attributes of a running trial, set in one statement, which is a transaction of its own."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from storage.identity import StudyKey
from storage.optuna_tables import UNFINISHED, trials, user_attributes


def annotate_at_once(connection: Connection, study: StudyKey, trial_id: int, attributes: Mapping[str, Any]) -> bool:
    """Sets user attributes of a trial, on a Postgres connection without a transaction; false if it is finished, or
    isn't there.
    """
    running = (trials.c.trial_id == trial_id, trials.c.state.in_(UNFINISHED), study.is_there())
    there = sa.select(trials.c.trial_id).where(*running).with_for_update(key_share=True).cte("there")
    texts = json.dumps({key: json.dumps(value) for key, value in attributes.items()})
    pairs = sa.func.json_each_text(sa.cast(sa.literal(texts, sa.Text), postgresql.JSON)).table_valued("key", "value")
    rows = sa.select(there.c.trial_id, pairs.c.key, pairs.c.value).select_from(there.join(pairs, sa.true()))
    insert = postgresql.insert(user_attributes).from_select(["trial_id", "key", "value_json"], rows)
    update = insert.on_conflict_do_update(
        index_elements=["trial_id", "key"], set_={"value_json": insert.excluded.value_json}
    )
    stored = update.returning(user_attributes.c.key).cte("stored")
    return connection.scalar(sa.select(sa.func.count()).select_from(stored)) == len(attributes)
