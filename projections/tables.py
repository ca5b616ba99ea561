"""The tables of the read models, made from their declarations.

Here so that everyone who reads them (KPI definitions, pages, explanations) has the names in one ``METADATA``,
and nobody writes a column that no declaration fills. These tables are never migrated: they are dropped and
built again from the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Column, Float, Index, MetaData, Table
from sqlalchemy.types import TypeEngine

from projections.dialect import TEXT
from projections.merges import Kind, Model
from projections.models import MODELS

METADATA = MetaData()
"""Every table a projection owns."""

UNDATED = ""
"""The month in ``dirty_periods`` of rows that belong to no month: undated ones, and tables without a month
column."""

EVERYTHING = "*"
"""Population and month in ``dirty_periods`` after a rebuild: nothing derived from any row can be trusted."""

_TYPES: dict[Kind, TypeEngine[Any]] = {
    "text": TEXT,
    "integer": BigInteger(),
    "real": Float(53),
    "json": TEXT,
}


def _table(name: str, key: str, columns: Iterable[tuple[str, Kind]], indexes: Iterable[tuple[str, ...]] = ()) -> Table:
    table = Table(
        name,
        METADATA,
        *(Column(column, _TYPES[kind], primary_key=column == key, nullable=column != key) for column, kind in columns),
    )
    for index in indexes:
        Index(f"ix_{name}_{'_'.join(index)}", *(table.c[column] for column in index))
    return table


def _of(model: Model) -> Table:
    return _table(model.name, model.key_column, model.columns, model.indexes)


TABLES: dict[str, Table] = {model.name: _of(model) for model in MODELS}
"""Read-model tables by name; the
columns ``<slot>_event`` and ``<slot>_us`` are the order of a slot (see ``merges``)."""

EXPANSIONS: dict[str, Table] = {
    expansion.table: _table(expansion.table, expansion.key, expansion.columns, expansion.indexes)
    for expansion in (model.expansion for model in MODELS)
    if expansion is not None
}
"""Tables of rows that follow from a row of a model (obligations)."""

REPORTS = _table(
    "reports",
    "key",
    (
        ("key", "text"),
        ("agency", "text"),
        ("family", "text"),
        ("day", "text"),
        ("first_recorded_at", "integer"),
        ("month", "text"),
    ),
    (("month",),),
)
"""One row an agency, event family and local day of event time: when the ledger first heard of that day (UTC
microseconds). Superseded statements count, a report was received either way; undated ones belong to no
day."""

ENTRIES = Table(
    "entries",
    METADATA,
    Column("agency", TEXT, primary_key=True),
    Column("month", TEXT, primary_key=True),
    Column("bucket", TEXT, primary_key=True),
    Column("n", BigInteger(), nullable=False),
)
"""How late statements were entered: ``n`` by local month of recording and whole local days between event
and entry (``0``, ``1-3``, ``4-6``, ``7-10``, ``11+``; ``undated`` where the time is unknown)."""

SUPERSEDED = Table(
    "superseded",
    METADATA,
    Column("source", TEXT, primary_key=True),
    Column("event_id", TEXT, primary_key=True),
    Column("agency", TEXT, primary_key=True),
    Column("by_source", TEXT, nullable=False),
    Column("by_id", TEXT, nullable=False),
    Column("known_at", BigInteger(), nullable=False),
)
"""What contributes nothing: the event of this identity, where it is a statement of this agency. With it the least
identity of that agency that superseded it, and when the ledger first knew (UTC microseconds). Only grows."""

DIRTY_PERIODS = Table(
    "dirty_periods",
    METADATA,
    Column("population", TEXT, primary_key=True),
    Column("month", TEXT, primary_key=True),
)
"""Which months of which table changed since the cells were last refreshed. ``month`` is UNDATED for rows
without one; the single row (EVERYTHING, EVERYTHING) stands for all of them. The reader deletes what it has
dealt with."""

VIEW_STATE = Table(
    "view_state",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", BigInteger(), nullable=False),
)
"""``high_water``: the greatest log_index folded in; ``superseded``: how many identities are superseded."""
