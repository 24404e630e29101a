"""What concerns all slots of a study: ordering them, and stopping or ending the search.

These are done one at a time, under the lock of the study's row.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from storage import rows
from storage.closing import encoded, finished_trials, read_ended, read_rule
from storage.ending import EndingRule
from storage.news import tell_of_work
from storage.records import SlotOrder
from storage.study_lock import holding_study
from storage.tables import manifests, slots
from storage.view import LedgerView


class Orders(LedgerView):
    """The orders of one study. Safe to use from several threads and processes."""

    def order_up_to(self, n: int, order_of: Callable[[int], SlotOrder]) -> int:
        """Appends slots until the study has `n`, safely with concurrent calls; returns how many were added.

        `order_of` returns the order of the slot with a given number. A search that has ended gets none.
        """
        with holding_study(self._engine, self._study) as connection:
            if read_ended(connection, self._study_id) is not None:
                return 0
            first = self._next_number(connection)
            return self._append(connection, first, [order_of(number) for number in range(first, n)])

    def order_these(self, orders: Mapping[int, SlotOrder]) -> int:
        """Adds the slots of these numbers that the study hasn't, safely with concurrent calls; returns how many. A
        search that has ended gets none.
        """
        with holding_study(self._engine, self._study) as connection:
            if read_ended(connection, self._study_id) is not None:
                return 0
            query = sa.select(slots.c.number).where(slots.c.study_id == self._study_id)
            known = set(connection.scalars(query))
            missing = sorted(orders.keys() - known)
            return sum(self._append(connection, number, [orders[number]]) for number in missing)

    def stop(self, reason: str) -> None:
        """Prevents further claims until `resume`; leases stay valid. An earlier reason is kept.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with holding_study(self._engine, self._study) as connection:
            if self._stop_reason(connection) is None:
                self._update_study(connection, stop_reason=reason)

    def resume(self) -> None:
        """Allows claims again.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with holding_study(self._engine, self._study) as connection:
            self._update_study(connection, stop_reason=None)
            tell_of_work(connection, self._study)

    def set_ending(self, rule: EndingRule | None, *, go_on: bool = False) -> None:
        """Stores what ends the search, None for nothing but the number of trials. It holds from the next result on.

        With `go_on`, a search that has ended is open again, and only trials that finish from now on can end it.

        Raises:
            StudyNotFound: the study was deleted.
        """
        with holding_study(self._engine, self._study) as connection:
            known = read_rule(connection, self._study_id)
            since = 0 if known is None else known.since
            if go_on:
                since = len(finished_trials(connection, self._study_id))
                self._update_study(connection, ended=None)
            stored = None if rule is None else msgspec.structs.replace(rule, since=since)
            self._update_study(connection, ending=None if stored is None else encoded(stored))

    def _next_number(self, connection: Connection) -> int:
        query = sa.select(sa.func.coalesce(sa.func.max(slots.c.number) + 1, 0))
        return int(connection.scalar(query.where(slots.c.study_id == self._study_id)) or 0)

    def _append(self, connection: Connection, first: int, orders: Sequence[SlotOrder]) -> int:
        values = [
            {"study_id": self._study_id, "number": number, **rows.order_values(order)}
            for number, order in enumerate(orders, first)
        ]
        if values:
            connection.execute(sa.insert(slots), values)
            tell_of_work(connection, self._study)
        return len(values)

    def _update_study(self, connection: Connection, **values: Any) -> None:
        connection.execute(sa.update(manifests).where(manifests.c.study_id == self._study_id).values(**values))
