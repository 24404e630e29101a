"""Rows of trials in Optuna's tables, as Optuna writes them, but many at once: a statement per table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from storage.optuna_tables import params, system_attributes, trials, user_attributes
from storage.tables import studies


class Parameter(NamedTuple):
    """A parameter of a trial; `value` is as Optuna stores it (`distribution.to_internal_repr`)."""

    name: str
    value: float
    distribution: BaseDistribution


class KnownDistributions:
    """The distributions by which a study's parameters are known to agree with those of its other trials."""

    def __init__(self, study_id: int) -> None:
        self._study_id = study_id
        self._known: set[tuple[str, str]] = set()

    def require(self, connection: Connection, parameters: Iterable[Parameter]) -> None:
        """Checks the parameters against those that other trials have, and against each other.

        Raises:
            ValueError: a parameter's distribution isn't that of other trials.
        """
        asked = [(one.name, distribution_to_json(one.distribution), one.distribution) for one in parameters]
        unknown = [(name, text, kind) for name, text, kind in asked if (name, text) not in self._known]
        before = self._first_of(connection, sorted({name for name, _, _ in unknown}))
        self._known |= {(name, text) for name, text in before.items() if text is not None}
        kinds = {name: json_to_distribution(text) for name, text in before.items()}
        for name, _, kind in unknown:
            check_distribution_compatibility(kinds.setdefault(name, kind), kind)
        self._known |= {(name, text) for name, text, _ in unknown if name in before}

    def _first_of(self, connection: Connection, names: Sequence[str]) -> dict[str, str]:
        """The distribution of one trial of the study for each of these parameters that any has."""
        if not names:
            return {}
        own = params.join(trials, trials.c.trial_id == params.c.trial_id)
        columns = params.c.param_name, params.c.distribution_json
        of_the_study = sa.select(*columns).select_from(own).where(trials.c.study_id == self._study_id).limit(1)
        firsts = [of_the_study.where(params.c.param_name == name).subquery() for name in names]
        found = connection.execute(sa.union_all(*[sa.select(first) for first in firsts]))
        return {name: text for name, text in found}  # noqa: C416 - rows are no pairs


def lock_numbers(connection: Connection, study_id: int) -> bool:
    """Locks the numbers of a study's trials, as Optuna does while it makes one; false if another process has them, or
    the study was deleted. References to the study aren't held up.
    """
    query = sa.select(studies.c.study_id).where(studies.c.study_id == study_id)
    return connection.scalar(query.with_for_update(key_share=True, skip_locked=True)) is not None


def insert_trials(
    connection: Connection, study_id: int, templates: Sequence[FrozenTrial], known: KnownDistributions
) -> list[int]:
    """Makes a running trial like each of the templates; returns their numbers. `lock_numbers` comes first."""
    first = connection.scalar(sa.select(sa.func.count()).where(trials.c.study_id == study_id)) or 0
    numbers = list(range(first, first + len(templates)))
    rows = [
        {"study_id": study_id, "number": number, "state": template.state, "datetime_start": in_utc(template)}
        for number, template in zip(numbers, templates, strict=True)
    ]
    made = connection.execute(sa.insert(trials).values(rows).returning(trials.c.number, trials.c.trial_id))
    ids = {number: trial_id for number, trial_id in made}  # noqa: C416 - rows are no pairs
    by_id = {ids[number]: template for number, template in zip(numbers, templates, strict=True)}
    fixed = {trial_id: parameters_of(template) for trial_id, template in by_id.items()}
    known.require(connection, [parameter for some in fixed.values() for parameter in some])
    insert_params(connection, fixed)
    set_attributes(connection, user_attributes, {trial_id: one.user_attrs for trial_id, one in by_id.items()})
    return numbers


def insert_params(connection: Connection, parameters: Mapping[int, Iterable[Parameter]]) -> None:
    """Gives trials, by their ids, parameters. Those that a trial has already stay as they are."""
    rows = [
        {
            "trial_id": trial_id,
            "param_name": parameter.name,
            "param_value": parameter.value,
            "distribution_json": distribution_to_json(parameter.distribution),
        }
        for trial_id, some in parameters.items()
        for parameter in {one.name: one for one in some}.values()
    ]
    if rows:
        connection.execute(upsert(connection, params).values(rows).on_conflict_do_nothing())


def set_attributes(connection: Connection, table: sa.TableClause, attributes: Mapping[int, Mapping[str, Any]]) -> None:
    """Sets attributes of trials, by their ids, in the table of the users' attributes, or the system's."""
    rows = [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for trial_id, some in attributes.items()
        for key, value in some.items()
    ]
    if rows:
        insert = upsert(connection, table).values(rows)
        keys = [table.c.trial_id, table.c.key]
        connection.execute(
            insert.on_conflict_do_update(index_elements=keys, set_={"value_json": insert.excluded.value_json})
        )


def set_system_attributes(connection: Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Sets what samplers and pruners note of a trial."""
    set_attributes(connection, system_attributes, {trial_id: attributes})


def set_user_attributes(connection: Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Sets a trial's user attributes."""
    set_attributes(connection, user_attributes, {trial_id: attributes})


def require_unfinished(connection: Connection, trial_id: int) -> None:
    """Keeps a trial from being finished until the transaction ends.

    Raises:
        KeyError: there is no such trial.
        optuna.exceptions.UpdateFinishedTrialError: it is finished.
    """
    query = sa.select(trials.c.number, trials.c.state).where(trials.c.trial_id == trial_id)
    row = connection.execute(query.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise KeyError(f"there is no trial of the id {trial_id}")
    if row.state.is_finished():
        raise UpdateFinishedTrialError(f"Trial#{row.number} has already finished and can not be updated.")


def upsert(connection: Connection, table: sa.TableClause) -> "postgresql.Insert | sqlite.Insert":
    """An insertion that may say how rows that exist are treated."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def parameters_of(template: FrozenTrial) -> list[Parameter]:
    """A template's parameters, as they are stored."""
    kinds = template.distributions
    return [
        Parameter(name, kinds[name].to_internal_repr(value), kinds[name]) for name, value in template.params.items()
    ]


def in_utc(template: FrozenTrial) -> datetime | None:
    """When a trial began, as Optuna stores it: in UTC, and without saying so."""
    started = template.datetime_start
    return None if started is None else started.astimezone(UTC).replace(tzinfo=None)
