"""The SQL of rows that stand: open at a moment, in a window that ends there, or the latest said.

One query for every month whose end has to be counted again, over the rows that stand then; ``timed`` is the plain
evaluator it must agree with.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from contracts.kpi import KpiDefinition, Latest, Open, Rolling
from projections.kpi import sql
from projections.kpi.ends import End, ends, window
from projections.kpi.joined import source
from projections.kpi.partials import Partial
from projections.kpi.periods import bounds_us, current, day_start_us, local_date, span
from projections.kpi.populations import POPULATIONS, columns_of, table_of
from projections.kpi.reference import Place
from projections.kpi.sql import Source, Standing


def standing(definition: KpiDefinition, table: Source, end: End) -> ColumnElement[bool]:
    """Which rows stand at the end of a period."""
    timing = definition.timing
    match timing:
        case Open():
            begun: ColumnElement[Any] = table.c[timing.from_]
            return and_(begun.is_not(None), begun <= end.at_us, *_open(definition, timing, table, end))
        case Rolling():
            return _within(definition, timing, table, end)
        case Latest():
            return _latest(definition, timing, table, end)
        case None:
            raise ValueError("rows without a timing count in their month")


def _is_day(definition: KpiDefinition, column: str) -> bool:
    return columns_of(POPULATIONS[definition.population])[column] == "text"


def _open(definition: KpiDefinition, timing: Open, table: Source, end: End) -> list[ColumnElement[bool]]:
    found = []
    for name in timing.until:
        column: ColumnElement[Any] = table.c[name]
        later = column >= end.day if _is_day(definition, name) else column > end.at_us
        found.append(or_(column.is_(None), later))
    return found


def _within(definition: KpiDefinition, timing: Rolling | Latest, table: Source, end: End) -> ColumnElement[bool]:
    first, last = window(timing, end.month)
    month: ColumnElement[Any] = table.c[definition.period.on]
    return month.between(first, last)


def _latest(definition: KpiDefinition, timing: Latest, table: Source, end: End) -> ColumnElement[bool]:
    key: ColumnElement[Any] = table.c[_key(definition)]
    order = [table.c[definition.period.on].desc(), key.desc()]
    rank = func.row_number().over(partition_by=[table.c[name] for name in timing.by], order_by=order)
    said = select(key.label("key"), rank.label("rank")).where(_within(definition, timing, table, end))
    if definition.scope is not None:
        said = said.where(sql.compile_condition(definition.scope, table, end.at_us))
    ranked = said.subquery("said")
    return key.in_(select(ranked.c.key).where(ranked.c.rank == 1))


def _key(definition: KpiDefinition) -> str:
    """The column of the population's table that holds its key."""
    population = POPULATIONS[definition.population]
    (column,) = table_of(population.table or population.name).primary_key.columns
    return str(column.name)


def count(
    connection: Connection, definition: KpiDefinition, as_of_us: int, zone: str, wanted: Collection[str] | None = None
) -> tuple[dict[Place, Partial], int]:
    """The partials of all periods or of those wanted, and the next moment the clock changes any of them.

    A period that is over stays as it was at its end, whatever the moment of reading, so only what is running can
    change: at the end of the month, or at the next moment that a row or a condition waits for.
    """
    table = source(POPULATIONS[definition.population])
    first = _first_month(connection, definition, table, zone) if wanted is None else None
    found: dict[Place, Partial] = {}
    month_end = bounds_us(current(as_of_us, zone, "month"), zone)
    assert month_end is not None
    changes = [month_end[1]]
    for end in ends(wanted, first, as_of_us, zone):
        chosen = Standing(standing(definition, table, end), end.month)
        counted = sql.count(connection, definition, table, end.at_us, standing=chosen)
        if end.running:
            changes += counted.next_change_us.values()
        for (_, group), partial in counted.partials.items():
            for place in end.places:
                found[place, group] = partial
    if isinstance(definition.timing, Open):
        changes += _waiting(connection, definition, definition.timing, table, as_of_us, zone)
    return found, min(changes)


def _first_month(connection: Connection, definition: KpiDefinition, table: Source, zone: str) -> str | None:
    """The first month in which anything can stand."""
    if isinstance(definition.timing, Open):
        earliest = connection.scalar(select(func.min(table.c[definition.timing.from_])))
        return None if earliest is None else current(earliest, zone, "month")
    month = connection.scalar(select(func.min(table.c[definition.period.on])))
    return month if month is not None and span(month) is not None else None


def _waiting(
    connection: Connection, definition: KpiDefinition, timing: Open, table: Source, as_of_us: int, zone: str
) -> list[int]:
    """The next moments at which a row begins, or ends, by columns that lie in the future."""
    today = local_date(as_of_us, zone)
    asked: list[ColumnElement[Any]] = []
    named = [timing.from_, *timing.until]
    for name in named:
        column = table.c[name]
        later = column >= today.isoformat() if _is_day(definition, name) else column > as_of_us
        query = select(func.min(column)).where(later)
        if name == POPULATIONS[definition.population].time:
            # What begins later is of this month or a later one, and the months have an index.
            query = query.where(table.c[definition.period.on] >= today.isoformat()[:7])
        asked.append(query.scalar_subquery())
    row = connection.execute(select(*asked)).one()
    found = []
    for value in row:
        if isinstance(value, str):
            found.append(day_start_us(date.fromisoformat(value[:10]) + timedelta(days=1), zone))
        elif value is not None:
            found.append(int(value))
    return found
