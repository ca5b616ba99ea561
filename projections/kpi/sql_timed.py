"""The SQL of rows that stand: open at a moment, in a window that ends there, or the latest said.

The ends that have to be counted again are a small table of their own, joined to the rows that stand at each;
``timed`` is the plain evaluator it must agree with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, Text, and_, column, func, literal, or_, select, text, true, tuple_
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from contracts.kpi import KpiDefinition, Latest, Open, Rolling, Timing
from projections.dialect import spanned
from projections.kpi import sql
from projections.kpi.ends import End, ends, window
from projections.kpi.joined import source
from projections.kpi.partials import Partial
from projections.kpi.periods import bounds_us, current, day_start_us, local_date, span
from projections.kpi.populations import POPULATIONS, columns_of, table_of
from projections.kpi.reference import Place
from projections.kpi.sql import Source, Standing

ENDS_AT_ONCE = 100
"""The ends that one query looks at; SQLite takes at most 500 parts of a compound select."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Ends as SQL: of one end its values, of several the columns of a table with a row for each."""

    month: ColumnElement[Any]
    at_us: ColumnElement[Any]
    day: ColumnElement[Any]
    first: ColumnElement[Any]
    known_us: ColumnElement[Any]

    @classmethod
    def of(cls, end: End, timing: Timing | None) -> Moments:
        """One end."""
        month, at_us, day, first, known_us = _values(end, timing)
        moments = (literal(at_us, BigInteger), literal(known_us, BigInteger))
        return cls(literal(month), moments[0], literal(day), literal(first), moments[1])

    @classmethod
    def among(cls, some: Sequence[End], timing: Timing | None) -> Moments:
        """Several ends."""
        names = ("month", "at_us", "day", "first_month", "known_us")
        rows = ["SELECT " + ", ".join(f":end{number}{name} AS {name}" for name in names) for number in range(len(some))]
        given = {
            f"end{number}{name}": value
            for number, end in enumerate(some)
            for name, value in zip(names, _values(end, timing), strict=True)
        }
        kinds: tuple[type[Text | BigInteger], ...] = (Text, BigInteger, Text, Text, BigInteger)
        columns: list[Any] = [column(name, kind) for name, kind in zip(names, kinds, strict=True)]
        c = text(" UNION ALL ".join(rows)).bindparams(**given).columns(*columns).subquery("ends").c
        return cls(c.month, c.at_us, c.day, c.first_month, c.known_us)


def _values(end: End, timing: Timing | None) -> tuple[str, int, str, str, int]:
    first = window(timing, end.month)[0] if isinstance(timing, Rolling | Latest) else end.month
    return end.month, end.at_us, end.day, first, end.known_us


def standing(definition: KpiDefinition, table: Source, end: End) -> ColumnElement[bool]:
    """Which rows stand at the end of a period."""
    return standing_at(definition, table, Moments.of(end, definition.timing))


def standing_at(definition: KpiDefinition, table: Source, ends_: Moments) -> ColumnElement[bool]:
    """Which rows stand at each of some ends."""
    timing = definition.timing
    match timing:
        case Open():
            begun: ColumnElement[Any] = table.c[timing.from_]
            return and_(begun.is_not(None), begun <= ends_.at_us, *_open(definition, timing, table, ends_))
        case Rolling():
            return and_(_within(definition, table, ends_), _has_come(definition, table, ends_.known_us))
        case Latest():
            return _latest(definition, timing, table, ends_)
        case None:
            raise ValueError("rows without a timing count in their month")


def _is_day(definition: KpiDefinition, name: str) -> bool:
    return columns_of(POPULATIONS[definition.population])[name] == "text"


def _open(definition: KpiDefinition, timing: Open, table: Source, ends_: Moments) -> list[ColumnElement[bool]]:
    found = []
    for name in timing.until:
        until: ColumnElement[Any] = table.c[name]
        later = until >= ends_.day if _is_day(definition, name) else until > ends_.at_us
        found.append(or_(until.is_(None), later))
    return found


def _within(definition: KpiDefinition, table: Source, ends_: Moments) -> ColumnElement[bool]:
    month: ColumnElement[Any] = table.c[definition.period.on]
    return spanned(month, ends_.first, ends_.month)


def _has_come(definition: KpiDefinition, table: Source, known_us: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows that are not dated later than the reading; a window never counts the future."""
    time = POPULATIONS[definition.population].time
    if time is None:
        return true()
    moment: ColumnElement[Any] = table.c[time]
    return or_(moment.is_(None), moment <= known_us)


def _latest(definition: KpiDefinition, timing: Latest, table: Source, ends_: Moments) -> ColumnElement[bool]:
    key: ColumnElement[Any] = table.c[_key(definition)]
    by = [ends_.month, *(table.c[name] for name in timing.by)]
    order = [table.c[definition.period.on].desc(), key.desc()]
    rank = func.row_number().over(partition_by=by, order_by=order)
    said = select(ends_.month.label("month"), key.label("key"), rank.label("rank"))
    said = said.where(_within(definition, table, ends_))
    if definition.scope is not None:
        said = said.where(sql.compile_condition(definition.scope, table, ends_.at_us))
    # Not the ends and rows of the query around it: these are counted off among themselves.
    ranked = said.correlate(None).subquery("said")
    last = select(ranked.c.month, ranked.c.key).where(ranked.c.rank == 1)
    return and_(_within(definition, table, ends_), tuple_(ends_.month, key).in_(last))


def _key(definition: KpiDefinition) -> str:
    """The column of the population's table that holds its key."""
    population = POPULATIONS[definition.population]
    (key,) = table_of(population.table or population.name).primary_key.columns
    return str(key.name)


def count(
    connection: Connection, definition: KpiDefinition, as_of_us: int, zone: str, wanted: Collection[str] | None = None
) -> tuple[dict[Place, Partial], int]:
    """The partials of all periods or of those wanted, and the next moment the clock changes any of them.

    A period that is over stays as it was at its end, whatever the moment of reading, so only what is running can
    change: at the end of the month, or at the next moment that a row or a condition waits for.
    """
    table = source(POPULATIONS[definition.population])
    first = _first_month(connection, definition, table, zone) if wanted is None else None
    month_end = bounds_us(current(as_of_us, zone, "month"), zone)
    assert month_end is not None
    changes = [month_end[1]]
    found: dict[Place, Partial] = {}
    looked_at = ends(wanted, first, as_of_us, zone)
    for start in range(0, len(looked_at), ENDS_AT_ONCE):
        some = {end.month: end for end in looked_at[start : start + ENDS_AT_ONCE]}
        moments = Moments.among(list(some.values()), definition.timing)
        chosen = Standing(standing_at(definition, table, moments), moments.month)
        counted = sql.count(connection, definition, table, moments.at_us, standing=chosen)
        changes += [change for (month, _), change in counted.next_change_us.items() if some[month].running]
        for (month, group), partial in counted.partials.items():
            for place in some[month].places:
                found[place, group] = partial
    if isinstance(definition.timing, Open):
        changes += _waiting(connection, definition, definition.timing, table, as_of_us, zone)
    if isinstance(definition.timing, Rolling):
        changes += _coming(connection, definition, table, as_of_us, zone)
    return found, min(changes)


def _first_month(connection: Connection, definition: KpiDefinition, table: Source, zone: str) -> str | None:
    """The first month in which anything can stand."""
    if isinstance(definition.timing, Open):
        earliest = connection.scalar(select(func.min(table.c[definition.timing.from_])))
        return None if earliest is None else current(earliest, zone, "month")
    month = connection.scalar(select(func.min(table.c[definition.period.on])))
    return month if month is not None and span(month) is not None else None


def _coming(connection: Connection, definition: KpiDefinition, table: Source, as_of_us: int, zone: str) -> list[int]:
    """The next moment at which a row of the running window is no longer in the future; others wait for their month."""
    time = POPULATIONS[definition.population].time
    if time is None:
        return []
    month: ColumnElement[Any] = table.c[definition.period.on]
    moment: ColumnElement[Any] = table.c[time]
    running = current(as_of_us, zone, "month")
    assert isinstance(definition.timing, Rolling)
    inside = spanned(month, *window(definition.timing, running))
    found = connection.scalar(select(func.min(moment)).where(inside, moment > as_of_us))
    return [] if found is None else [int(found)]


def _waiting(
    connection: Connection, definition: KpiDefinition, timing: Open, table: Source, as_of_us: int, zone: str
) -> list[int]:
    """The next moments at which a row begins, or ends, by columns that lie in the future."""
    today = local_date(as_of_us, zone)
    asked: list[ColumnElement[Any]] = []
    named = [timing.from_, *timing.until]
    for name in named:
        waited: ColumnElement[Any] = table.c[name]
        later = waited >= today.isoformat() if _is_day(definition, name) else waited > as_of_us
        query = select(func.min(waited)).where(later)
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
