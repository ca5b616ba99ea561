"""The tables in which partials and cells are kept.

Here so that reading a scorecard is a few indexed reads whatever the size of the ledger. Everything in them
follows from the read models and can be computed again at any time; they are never migrated.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, inspect
from sqlalchemy.engine import Connection

from projections.dialect import TEXT

KPI_METADATA = MetaData()

PARTIALS = Table(
    "kpi_partial",
    KPI_METADATA,
    Column("kpi", TEXT, primary_key=True),
    Column("version", BigInteger(), primary_key=True),
    Column("month", TEXT, primary_key=True),
    Column("grp", TEXT, primary_key=True),
    Column("body", TEXT, nullable=False),
    Column("next_change_us", BigInteger()),
)
"""One row a KPI version, month ("" for undated rows) and group ("" for rows without one). ``body`` is a
``partials.Partial``; ``next_change_us`` the earliest later moment at which the clock may change it."""

CELLS = Table(
    "kpi_cell",
    KPI_METADATA,
    Column("kpi", TEXT, primary_key=True),
    Column("version", BigInteger(), primary_key=True),
    Column("period", TEXT, primary_key=True),
    Column("grp", TEXT, primary_key=True),
    Column("value", TEXT),
    Column("numerator", TEXT),
    Column("denominator", TEXT),
    Column("excluded", TEXT, nullable=False),
    Column("also", TEXT, nullable=False),
    Column("counts", TEXT, nullable=False),
    Column("last_us", BigInteger()),
)
"""The figures of every cell; numbers as decimal text, so that nothing is rounded a second time."""

Index("ix_kpi_cell_period", CELLS.c.period, CELLS.c.grp)

COMPUTED = Table(
    "kpi_computed",
    KPI_METADATA,
    Column("kpi", TEXT, primary_key=True),
    Column("version", BigInteger(), primary_key=True),
    Column("fingerprint", TEXT, nullable=False),
    Column("as_of_us", BigInteger(), nullable=False),
    Column("next_change_us", BigInteger()),
)
"""What was computed, from which definition, as of which moment, and until when the clock changes
nothing."""

PENDING = Table(
    "kpi_pending",
    KPI_METADATA,
    Column("population", TEXT, primary_key=True),
    Column("month", TEXT, primary_key=True),
)
"""Marks taken over from ``dirty_periods`` whose cells are not written yet.
A mark set after they were taken over stays where it is, so no change is lost, whenever it commits."""

SETTINGS = Table(
    "kpi_setting",
    KPI_METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)
"""``zone``: the partnership's time zone in which the cells were computed; ``generation``: how often they
were written, by which a refresh notices that another one overtook it."""


def prepare(connection: Connection) -> None:
    """Create what is missing. Idempotent."""
    KPI_METADATA.create_all(connection, checkfirst=True)


def prepared(connection: Connection) -> bool:
    """Whether the tables exist."""
    return inspect(connection).has_table(SETTINGS.name) and inspect(connection).has_table(CELLS.name)


def reset(connection: Connection) -> None:
    """Empty every table."""
    for table in reversed(KPI_METADATA.sorted_tables):
        connection.execute(table.delete())
