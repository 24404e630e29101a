"""A study's trials for samplers and pruners, cached between calls.

Optuna's cache reads everything stored about each unfinished trial in every call, which takes half a millisecond or more
per trial. A finished trial never changes, and of a running one only little is needed. This reads Optuna's tables
(storage/optuna_tables.py); tests/storage/test_history.py compares the result with what Optuna reads.
"""

import copy
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection, Engine

from storage.optuna_tables import as_float, intermediate_values, params, system_attributes, trials, values
from storage.tables import slots
from storage.transaction import looking_at_once

AT_ONCE = 500  # trials in one query: databases limit its parameters

T = TypeVar("T")
Rows = Mapping[int, Sequence[Sequence[Any]]]  # what belongs to a trial, by its id


class TrialHeader(NamedTuple):
    """A row of the table of trials. The state of one that is paused is PRUNED, until it goes on. `token` is that of its
    slot, None if it has none.
    """

    trial_id: int
    number: int
    state: TrialState
    paused: bool
    token: int | None


class Remembered(NamedTuple):
    """A trial that isn't finished, with what it was read from, and its system attributes as they are stored."""

    header: TrialHeader
    trial: FrozenTrial
    notes: Sequence[Sequence[Any]]


class TrialHistory:
    """The trials of one study for samplers and pruners. Safe to use from several threads.

    Of a trial that is paused, all is read once: no worker has it. Of a running one that a slot has, the parameters
    are, as they were stored all at once. Other programs may store those of their trials one by one.
    """

    def __init__(self, engine: Engine, study_id: int) -> None:
        self._engine = engine
        self._study_id = study_id
        self._lock = threading.Lock()
        self._distributions: dict[str, BaseDistribution] = {}
        self._finished: dict[int, FrozenTrial] = {}
        self._unfinished: dict[int, Remembered] = {}
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
                read = [found for some in chunks(headers) for found in self._read(connection, some)]
            self._newest = max([self._newest, *(header.trial_id for header in headers)])
            ended = {found.trial.number: found.trial for found in read if is_final(found.header)}
            self._unfinished = {found.header.trial_id: found for found in read if not is_final(found.header)}
            self._finished |= ended
            everything = self._finished | {found.trial.number: found.trial for found in read}
            return [everything[number] for number in sorted(everything)]

    def one(self, trial_id: int, *, with_curve: bool = False) -> FrozenTrial:
        """The trial of that id as it is now, `with_curve` with its value after each epoch: the caller's own.

        Raises:
            KeyError: the study has no such trial.
            StorageUnreachable: the database doesn't answer.
        """
        with looking_at_once(self._engine) as connection:
            headers = self._headers(connection, trials.c.trial_id == trial_id)
            if not headers:
                raise KeyError(f"there is no trial of the id {trial_id}")
            [found] = self._read(connection, headers, alone=True, with_curves=with_curve)
        return found.trial

    def _changed(self, connection: Connection) -> list[TrialHeader]:
        """The trials that are new, and those that were unfinished when last read."""
        headers = self._headers(connection, trials.c.trial_id > self._newest)
        for some in chunks(sorted(self._unfinished)):
            headers += self._headers(connection, trials.c.trial_id.in_(some))
        return headers

    def _headers(self, connection: Connection, condition: sa.ColumnElement[bool]) -> list[TrialHeader]:
        of_trial = sa.and_(slots.c.study_id == trials.c.study_id, slots.c.trial_number == trials.c.number)
        query = sa.select(trials.c.trial_id, trials.c.number, trials.c.state, slots.c.state, slots.c.token)
        query = query.select_from(trials.outerjoin(slots, of_trial))
        found = connection.execute(query.where(trials.c.study_id == self._study_id, condition))
        return [as_header(*row) for row in found]

    def _read(
        self, connection: Connection, headers: Sequence[TrialHeader], *, alone: bool = False, with_curves: bool = False
    ) -> list[Remembered]:
        before = self._unfinished
        same = {header.trial_id for header in headers if is_same(header, before.get(header.trial_id))}
        kept = {} if alone else {key: before[key] for key in same}
        read = [header for header in headers if header.trial_id not in kept or not header.paused]
        every = [header.trial_id for header in read]
        finished = [header.trial_id for header in read if header.state.is_finished()]
        noted = rows_of(connection, system_attributes, every)
        drawn = rows_of(connection, params, [key for key in every if key not in kept])
        reached = rows_of(connection, values, finished)
        curves = rows_of(connection, intermediate_values, every if with_curves else finished)
        found = list[Remembered]()
        for header in headers:
            key, known = header.trial_id, kept.get(header.trial_id)
            if known is None:
                kinds = {name: self._distribution(text) for _, _, name, _, text in drawn[key]}
                chosen = {name: kinds[name].to_external_repr(value) for _, _, name, value, _ in drawn[key]}
            elif header.paused or known.notes == noted[key]:
                found.append(known)
                continue
            else:
                chosen, kinds = known.trial.params, known.trial.distributions
            trial = as_trial(header, chosen, kinds, noted[key], reached[key], curves[key])
            found.append(Remembered(header, trial, noted[key]))
        return found

    def _distribution(self, text: str) -> BaseDistribution:
        if text not in self._distributions:
            self._distributions[text] = json_to_distribution(text)
        return self._distributions[text]


def as_header(trial_id: int, number: int, state: TrialState, of_slot: str | None, token: int | None) -> TrialHeader:
    """The header of a trial, from its row and its slot's state and token."""
    paused = of_slot == "paused" and state is TrialState.RUNNING
    return TrialHeader(trial_id, number, TrialState.PRUNED if paused else state, paused, token)


def is_final(header: TrialHeader) -> bool:
    """Whether a trial never changes again."""
    return header.state.is_finished() and not header.paused


def is_same(header: TrialHeader, before: Remembered | None) -> bool:
    """Whether what was read of an unfinished trial still holds, but for a running one's attributes: its parameters were
    there, and no other worker has had it since.
    """
    return (
        before is not None and header == before.header and header.token is not None and bool(before.trial.distributions)
    )


def as_trial(
    header: TrialHeader,
    chosen: dict[str, Any],
    kinds: dict[str, BaseDistribution],
    noted: Sequence[Sequence[Any]],
    reached: Sequence[Sequence[Any]],
    curve: Sequence[Sequence[Any]],
) -> FrozenTrial:
    """A trial of these parameters and their distributions, from rows of its attributes, values and epochs."""
    return FrozenTrial(
        trial_id=header.trial_id,
        number=header.number,
        state=header.state,
        value=None,
        values=[as_float(value, kind) for _, _, value, kind in reached] or None,
        params=chosen,
        distributions=kinds,
        intermediate_values={step: as_float(value, kind) for _, step, value, kind in curve},
        system_attrs={name: json.loads(text) for _, name, text in noted},
        user_attrs={},
        datetime_start=None,
        datetime_complete=None,
    )


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
