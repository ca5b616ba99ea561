"""The tables by which a line knows where it stands: position, quarantine, brake.

Here because position and views must commit together, so these live in the same store as the views, and
because other processes (pages, metrics, commands) read from them how the line is doing.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

METADATA = MetaData()
"""Every table of the streams."""

POSITIONS = Table(
    "positions",
    METADATA,
    Column("name", Text(), primary_key=True),
    Column("version", Text(), nullable=False),
    Column("log_index", BigInteger(), nullable=False),
)
"""For each projector, under its version, the last log_index that it applied or parked."""

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("name", Text(), primary_key=True),
    Column("log_index", BigInteger(), primary_key=True),
    Column("key", Text(), nullable=False),
    Column("source", Text(), nullable=False),
    Column("event_id", Text(), nullable=False),
    Column("type", Text(), nullable=False),
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
    Column("name", Text(), primary_key=True),
    Column("log_index", BigInteger(), nullable=False),
    Column("reason", Text(), nullable=False),
    Column("stopped_at_us", BigInteger(), nullable=False),
)
"""A row while a line stands still because too much could not be applied; ``log_index`` is where it stands."""
