"""The tables by which a line knows where it stands: position, quarantine, brake.

Here because position and views must commit together, so these live in the same store as the views, and
because other processes (pages, metrics, commands) read from them how the line is doing. On SQLite each file of views
has its own, made with it; a database that several processes write has them from ``tallystick migrate`` alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from contracts.faults import fault

TEXT: TypeEngine[str] = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

METADATA = MetaData()
"""Every table of the streams."""

POSITIONS = Table(
    "positions",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("version", Text(), nullable=False),
    Column("log_index", BigInteger(), nullable=False),
    Column("digest", TEXT, nullable=False),
)
"""For each projector, under its version, the last log_index that it applied or parked, and the hex digest of the event
there ("" at 0): views made from another log are told by it."""

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("log_index", BigInteger(), primary_key=True),
    Column("key", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("error", Text()),
    Column("parked_at_us", BigInteger(), nullable=False),
    Column("attempts", BigInteger(), nullable=False),
)
"""Recorded events that a projector could not apply (with the error), and those waiting behind them under
the same key (without one)."""

Index("ix_quarantine_key", QUARANTINE.c.name, QUARANTINE.c.key, QUARANTINE.c.log_index)

BRAKES = Table(
    "brakes",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("log_index", BigInteger(), nullable=False),
    Column("reason", Text(), nullable=False),
    Column("stopped_at_us", BigInteger(), nullable=False),
)
"""A row while a line stands still because too much could not be applied; ``log_index`` is where it stands."""

PARTITIONS = Table(
    "partitions",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("partition", Integer(), primary_key=True),
    Column("log_index", BigInteger(), nullable=False),
)
"""For each projector that is fed by partitions, up to which log_index each of them is applied or parked; or the
position, where that is further. Partition -1 is none: its row is the lock of rows that every partition may write."""


def make_missing(connection: Connection) -> None:
    """Makes the tables in a file that lacks them. Raises the fault ``not_migrated`` where the store is a database."""
    if connection.dialect.name == "sqlite":
        METADATA.create_all(connection)
    elif not inspect(connection).has_table(POSITIONS.name):
        raise fault("not_migrated", "The database has no table of positions.")
