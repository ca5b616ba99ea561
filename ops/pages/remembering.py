"""The last few scorecards, and the disputes shown with them, kept as long as nothing they were read from has changed.

A committee's meeting is many people opening the same few pages. The scorecard is a function of the stored views and the
moment of reading; both are part of the key, so what is remembered is what would be read again, never an older state.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.kpi.explaining import high_water, stored_generation
from projections.kpi.history import decisions, disputed
from projections.kpi.populations import table_of
from projections.kpi.shapes import AsOf, Scorecard
from projections.kpi.tables import prepared
from projections.tables import DIRTY_PERIODS, VIEW_STATE

if TYPE_CHECKING:
    from ops.composition import House

Disputed = frozenset[tuple[str, int | None]]
"""(KPI, version) of every definition that a partner disputes."""
State = tuple[tuple[tuple[str, int], ...], str]
KEPT = 8
"""Scorecards kept at most, and states of the disputes; a scorecard of a hundred KPIs takes about a megabyte."""


class Scorecards:
    """Reads scorecards of one house. May be used from any thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: dict[tuple[AsOf, State], Scorecard] = {}
        self._disputed: dict[tuple[tuple[str, ...], int], Disputed] = {}
        self._lock = threading.Lock()

    def read(self, as_of: AsOf) -> Scorecard:
        """The scorecard as of a moment, exactly as ``projections.kpi.scorecard`` gives it."""
        from projections.kpi import scorecard

        with self._house.reading(as_of) as connection:
            state = _state(connection)
            if state is None:
                return scorecard(connection, as_of, self._house.zone)
            with self._lock:
                found = self._kept.get((as_of, state))
            if found is None:
                found = scorecard(connection, as_of, self._house.zone)
                with self._lock:
                    self._kept[as_of, state] = found
                    while len(self._kept) > KEPT:
                        del self._kept[next(iter(self._kept))]
        return found

    def disputed(self, as_of: AsOf) -> Disputed:
        """What is disputed as of a moment, exactly as ``projections.kpi.history`` gives it.

        It is a function of the log up to the position of the views and of the plans that they know; an event never
        changes, so no later state of the views can make what is remembered wrong.
        """
        with self._house.reading(as_of) as connection:
            plans = table_of("plans")
            known = tuple(connection.scalars(select(plans.c.plan).order_by(plans.c.plan)))
            key = known, high_water(connection)
            with self._lock:
                found = self._disputed.get(key)
            if found is None:
                found = disputed(decisions(connection, self._house.reader))
                with self._lock:
                    self._disputed[key] = found
                    while len(self._disputed) > KEPT:
                        del self._disputed[next(iter(self._disputed))]
        return found


def _state(connection: Connection) -> State | None:
    """What the views and cells of a snapshot are: their store, and two numbers that only grow and commit with them.

    None while marks wait for the next refresh: rows have changed that the numbers do not tell of yet.
    """
    if not prepared(connection) or connection.execute(select(DIRTY_PERIODS).limit(1)).first() is not None:
        return None
    views = tuple((row.name, row.value) for row in connection.execute(select(VIEW_STATE).order_by(VIEW_STATE.c.name)))
    return views, stored_generation(connection)
