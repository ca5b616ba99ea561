"""The last few scorecards, kept as long as nothing they were read from has changed.

A committee's meeting is many people opening the same few pages. The scorecard is a function of the stored views and the
moment of reading; both are part of the key, so what is remembered is what would be read again, never an older state.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.kpi.refresh import GENERATION
from projections.kpi.shapes import AsOf, Scorecard
from projections.kpi.stored import setting
from projections.kpi.tables import prepared
from projections.tables import DIRTY_PERIODS, VIEW_STATE

if TYPE_CHECKING:
    from ops.composition import House

State = tuple[tuple[tuple[str, int], ...], str]
KEPT = 8
"""Scorecards kept at most; one of a hundred KPIs takes about a megabyte."""


class Scorecards:
    """Reads scorecards of one house. May be used from any thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: dict[tuple[AsOf, State], Scorecard] = {}
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


def _state(connection: Connection) -> State | None:
    """What the views and cells of a snapshot are, in two numbers that only grow and commit with them.

    None while marks wait for the next refresh: rows have changed that the numbers do not tell of yet.
    """
    if not prepared(connection) or connection.execute(select(DIRTY_PERIODS).limit(1)).first() is not None:
        return None
    views = tuple((row.name, row.value) for row in connection.execute(select(VIEW_STATE).order_by(VIEW_STATE.c.name)))
    return views, setting(connection, GENERATION) or ""
