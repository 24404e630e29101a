"""A study's trials for samplers and pruners, cached between calls.

Optuna's cache reads everything stored about each unfinished trial in every call, which takes half a millisecond or more
per trial. A finished trial never changes, and of a running one only little is needed. This reads Optuna's tables
(storage/optuna_tables.py); tests/storage/test_history.py compares the result with what Optuna reads.
"""

import copy
import json
import math
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection, Engine

from storage.optuna_tables import intermediate_values, params, system_attributes, trials, values
from storage.tables import slots
from storage.transaction import looking_at_once

AT_ONCE = 500  # trials in one query: databases limit its parameters
NOT_FINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}

T = TypeVar("T")
Rows = Mapping[int, Sequence[Sequence[Any]]]  # what belongs to a trial, by its id


class TrialHeader(NamedTuple):
    """A row of the table of trials. The state of one that is paused is PRUNED, until it goes on."""

    trial_id: int
    number: int
    state: TrialState
    paused: bool = False


class TrialHistory:
    """The trials of one study for samplers and pruners. Safe to use from several threads."""

    def __init__(self, engine: Engine, study_id: int) -> None:
        self._engine = engine
        self._study_id = study_id
        self._lock = threading.Lock()
        self._distributions: dict[str, BaseDistribution] = {}
        self._finished: dict[int, FrozenTrial] = {}
        self._unfinished: set[int] = set()
        self._newest = 0

    def trials(self) -> list[FrozenTrial]:
        """All trials, by number, with their parameters and system attributes; those that have ended with their values,
        too. Paused ones, which run in Optuna's tables, are as if they were pruned. User attributes and times are left
        out. Later calls return the same objects: don't modify them.

        Raises:
            StorageUnreachable: the database doesn't answer.
        """
        with self._lock:
            with looking_at_once(self._engine) as connection:
                headers = self._changed(connection)
                read = [trial for some in chunks(headers) for trial in self._read(connection, some)]
            self._newest = max([self._newest, *(header.trial_id for header in headers)])
            ended = {header.number for header in headers if header.state.is_finished() and not header.paused}
            self._unfinished = {header.trial_id for header in headers if header.number not in ended}
            self._finished |= {trial.number: trial for trial in read if trial.number in ended}
            everything = self._finished | {trial.number: trial for trial in read}
            return [everything[number] for number in sorted(everything)]

    def _changed(self, connection: Connection) -> list[TrialHeader]:
        """The trials that are new, and those that were unfinished when last read."""
        headers = self._headers(connection, trials.c.trial_id > self._newest)
        for some in chunks(sorted(self._unfinished)):
            headers += self._headers(connection, trials.c.trial_id.in_(some))
        return headers

    def _headers(self, connection: Connection, condition: sa.ColumnElement[bool]) -> list[TrialHeader]:
        of_trial = (slots.c.study_id == self._study_id, slots.c.trial_number == trials.c.number)
        paused = sa.exists().where(*of_trial, slots.c.state == "paused", trials.c.state == TrialState.RUNNING.name)
        query = sa.select(trials.c.trial_id, trials.c.number, trials.c.state, paused)
        found = connection.execute(query.where(trials.c.study_id == self._study_id, condition))
        return [
            TrialHeader(trial_id, number, TrialState.PRUNED if paused else state, bool(paused))
            for trial_id, number, state, paused in found
        ]

    def _read(self, connection: Connection, headers: Sequence[TrialHeader]) -> list[FrozenTrial]:
        every = [header.trial_id for header in headers]
        finished = [header.trial_id for header in headers if header.state.is_finished()]
        drawn, noted = rows_of(connection, params, every), rows_of(connection, system_attributes, every)
        reached, curves = rows_of(connection, values, finished), rows_of(connection, intermediate_values, finished)
        return [self._trial(header, drawn, noted, reached, curves) for header in headers]

    def _trial(self, header: TrialHeader, drawn: Rows, noted: Rows, reached: Rows, curves: Rows) -> FrozenTrial:
        key = header.trial_id
        kinds = {name: self._distribution(text) for _, _, name, _, text in drawn[key]}
        return FrozenTrial(
            trial_id=key,
            number=header.number,
            state=header.state,
            value=None,
            values=[as_float(value, kind) for _, _, value, kind in reached[key]] or None,
            params={name: kinds[name].to_external_repr(value) for _, _, name, value, _ in drawn[key]},
            distributions=kinds,
            intermediate_values={step: as_float(value, kind) for _, step, value, kind in curves[key]},
            system_attrs={name: json.loads(text) for _, name, text in noted[key]},
            user_attrs={},
            datetime_start=None,
            datetime_complete=None,
        )

    def _distribution(self, text: str) -> BaseDistribution:
        if text not in self._distributions:
            self._distributions[text] = json_to_distribution(text)
        return self._distributions[text]


class HistoryStorage:
    """Optuna's storage, but that the trials are those of a history: what a sampler's or pruner's study is based on."""

    def __init__(self, storage: BaseStorage, get_trials: Callable[[], Sequence[FrozenTrial]]) -> None:
        self._storage = storage
        self._get_trials = get_trials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self, _study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials in one of the states."""
        found = [trial for trial in self._get_trials() if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, as many at once as go into one query."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def rows_of(connection: Connection, table: sa.TableClause, trial_ids: Sequence[int]) -> Rows:
    """What a table has of these trials: for each of them its rows, in order."""
    found: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
    if not trial_ids:
        return found
    key, order, *_ = table.c
    for row in connection.execute(sa.select(table).where(key.in_(trial_ids)).order_by(key, order)):
        found[row[0]].append(row)
    return found


def as_float(value: float | None, kind: str) -> float:
    """A number from the two columns in which Optuna stores one that may not be finite."""
    return NOT_FINITE[kind] if value is None else value
