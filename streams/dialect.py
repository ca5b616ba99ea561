"""What the databases say differently, for the transactions of this room.

Here so that nothing else in it knows which of them it speaks to; what both understand alike is written where it is
used.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from contracts.ports import Clock

PASSING = (OperationalError, InterfaceError, NoConnectionFree, sqlite3.OperationalError)
"""The database is away, busy or full, or the connection was lost: to be tried again, by transactions that hold
nothing an event could have broken."""

_CLOCKS = {"postgresql": text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")}
"""By dialect, what asks the server for its time, in UTC microseconds since the Unix epoch."""


def now_us(connection: Connection, clock: Clock) -> int:
    """Now by the clock that all processes of this database share: the server's, or, where the database is a file on one
    machine, that machine's (``clock``)."""
    asked = _CLOCKS.get(connection.dialect.name)
    return clock() if asked is None else int(connection.execute(asked).scalar_one())
