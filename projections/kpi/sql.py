"""The SQL compiler: a definition as one GROUP BY over its population.

A rebuild over a million events has to take seconds, so counting is the database's work. Only constructs
that SQLite and PostgreSQL share are used. Every condition compiles to an expression that is never NULL, so
that SQL's three-valued logic cannot leak into a number.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Table, and_, case, func, literal, null, or_, select, type_coerce
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement, Select

from contracts.kpi import (
    After,
    AllOf,
    AnyOf,
    Before,
    Condition,
    Count,
    Differs,
    Duration,
    ElapsedAtMost,
    Eq,
    In,
    IsNull,
    KpiDefinition,
    Ne,
    Not,
    NotNull,
    Past,
    Percentile,
    Share,
    Split,
    Value,
)
from projections.kpi.conditions import DAY_US, SECOND_US, clocks, reads_clock
from projections.kpi.partials import NO_VALUE, Partial, Reported, Tally
from projections.kpi.periods import UNDATED
from projections.kpi.populations import POPULATIONS
from projections.kpi.reference import Place, exact


@dataclass(frozen=True, slots=True)
class Counted:
    """What a query found: the partials by place, and by place the next moment the clock may change one."""

    partials: dict[Place, Partial]
    next_change_us: dict[Place, int]


def _bare(value: str | int | bool) -> str | int:
    """Truth is kept as 1 and 0."""
    return int(value) if isinstance(value, bool) else value


def compile_condition(condition: Condition, table: Table, as_of_us: int) -> ColumnElement[bool]:
    """A condition as an SQL expression that is true or false, never NULL."""
    columns = table.c
    match condition:
        case Eq():
            column = columns[condition.column]
            return and_(column.is_not(None), column == _bare(condition.value))
        case Ne():
            column = columns[condition.column]
            return and_(column.is_not(None), column != _bare(condition.value))
        case In():
            column = columns[condition.column]
            return and_(column.is_not(None), column.in_([_bare(value) for value in condition.values]))
        case IsNull():
            return columns[condition.column].is_(None)
        case NotNull():
            return columns[condition.column].is_not(None)
        case Before():
            left, right = columns[condition.column], columns[condition.other]
            return and_(left.is_not(None), right.is_not(None), left < right)
        case After():
            left, right = columns[condition.column], columns[condition.other]
            return and_(left.is_not(None), right.is_not(None), left > right)
        case Differs():
            left, right = columns[condition.column], columns[condition.other]
            return and_(left.is_not(None), right.is_not(None), left != right)
        case ElapsedAtMost():
            start, end = columns[condition.from_], columns[condition.to]
            limit = condition.seconds * SECOND_US
            return and_(start.is_not(None), end.is_not(None), end - start <= limit)
        case Past():
            column = columns[condition.column]
            return and_(column.is_not(None), column <= as_of_us - condition.days * DAY_US)
        case AllOf():
            return and_(*(compile_condition(inner, table, as_of_us) for inner in condition.conditions))
        case AnyOf():
            return or_(*(compile_condition(inner, table, as_of_us) for inner in condition.conditions))
        case Not():
            # Not ``~``: SQLAlchemy would rewrite a negated comparison, and the guard against NULL with it.
            return case((compile_condition(condition.condition, table, as_of_us), 1), else_=0) == 0


def _flag(condition: Condition, table: Table, as_of_us: int) -> ColumnElement[Any]:
    return case((compile_condition(condition, table, as_of_us), 1), else_=0)


def _value(measure: Percentile, table: Table) -> ColumnElement[Any]:
    """The measured whole number; integer division cuts off towards zero on both back ends."""
    of = measure.of
    if isinstance(of, Duration):
        elapsed = type_coerce(table.c[of.to], BigInteger) - type_coerce(table.c[of.from_], BigInteger)
        return elapsed // literal(SECOND_US, BigInteger)
    return type_coerce(table.c[of.column], BigInteger)


def _facets(definition: KpiDefinition, table: Table, as_of_us: int) -> list[tuple[str, ColumnElement[Any]]]:
    """What rows are told apart by within a place, as labelled expressions."""
    measure = definition.measure
    match measure:
        case Share():
            flags = [("numerator", _flag(measure.numerator, table, as_of_us))]
            for number, also in enumerate(measure.also):
                flags.append((f"also_{number}", _flag(also.numerator, table, as_of_us)))
            return flags
        case Split():
            parts = [(compile_condition(part.when, table, as_of_us), literal(part.name)) for part in measure.parts]
            return [("part", case(*parts, else_=literal(measure.rest)))]
        case Count():
            when = literal(1) if measure.when is None else _flag(measure.when, table, as_of_us)
            return [("numerator", when)]
        case Percentile():
            return [("value", _value(measure, table))]
        case Value():
            named: list[tuple[str, ColumnElement[Any]]] = [("value", table.c[measure.column])]
            for label, column in (("top", measure.numerator), ("bottom", measure.denominator)):
                named.append((label, null() if column is None else table.c[column]))
            return named


def partial_query(
    definition: KpiDefinition, table: Table, as_of_us: int, months: Collection[str] | None = None
) -> Select[Any]:
    """The query for a definition's partials at ``as_of_us``, of all months or of some ("" for undated)."""
    period = table.c[definition.period.on]
    group = table.c[definition.group_by] if definition.group_by else None
    time = POPULATIONS[definition.population].time
    scope = None if definition.scope is None else compile_condition(definition.scope, table, as_of_us)
    reasons = [
        (compile_condition(exclusion.when, table, as_of_us), literal(exclusion.reason))
        for exclusion in definition.exclude
    ]
    reason = case(*reasons, else_=literal("")) if reasons else literal("")
    facets = _facets(definition, table, as_of_us)
    inner = select(
        period.label("period"),
        (null() if group is None else group).label("grp"),
        (literal(1) if scope is None else case((scope, 1), else_=0)).label("in_scope"),
        reason.label("reason"),
        *(expression.label(name) for name, expression in facets),
        (literal(1) if definition.weight is None else func.coalesce(table.c[definition.weight], 0)).label("w"),
        (null() if time is None else table.c[time]).label("moment"),
        *(
            case(
                (
                    table.c[clock.column] > as_of_us - clock.days * DAY_US,
                    table.c[clock.column] + clock.days * DAY_US,
                )
            ).label(f"change_{number}")
            for number, clock in enumerate(clocks(definition))
        ),
    )
    if scope is not None and definition.scope is not None and not reads_clock(definition.scope):
        inner = inner.where(scope)
    if months is not None:
        dated = [month for month in months if month != UNDATED]
        wanted = period.in_(dated)
        inner = inner.where(or_(wanted, period.is_(None)) if UNDATED in months else wanted)
    rows = inner.subquery("counted")
    keys = [rows.c[name] for name in ("period", "grp", "in_scope", "reason", *(name for name, _ in facets))]
    changes = [rows.c[f"change_{number}"] for number in range(len(clocks(definition)))]
    return select(
        *keys,
        func.sum(rows.c.w).label("n"),
        func.max(rows.c.moment).label("last_us"),
        *(func.min(change).label(change.name) for change in changes),
    ).group_by(*keys)


def count(
    connection: Connection,
    definition: KpiDefinition,
    table: Table,
    as_of_us: int,
    months: Collection[str] | None = None,
) -> Counted:
    """The partials of a definition at ``as_of_us``, of all months or of some."""
    tallies: dict[Place, Tally] = {}
    changes: dict[Place, int] = {}
    measure = definition.measure
    for row in connection.execute(partial_query(definition, table, as_of_us, months)).mappings():
        place = (row["period"] or UNDATED, row["grp"] or "")
        for name in row:
            if name.startswith("change_") and row[name] is not None:
                changes[place] = min(row[name], changes.get(place, row[name]))
        if not row["in_scope"]:
            continue
        tally = tallies.setdefault(place, Tally())
        tally.see(row["last_us"])
        n = int(row["n"])
        excluded = row["reason"]
        if not excluded and isinstance(measure, Percentile | Value) and row["value"] is None:
            excluded = NO_VALUE
        if excluded:
            tally.excluded[excluded] = tally.excluded.get(excluded, 0) + n
            continue
        tally.denominator += n
        match measure:
            case Share():
                tally.numerator += n if row["numerator"] else 0
                for number, also in enumerate(measure.also):
                    if row[f"also_{number}"]:
                        tally.counts[also.name] = tally.counts.get(also.name, 0) + n
            case Split():
                part = row["part"]
                tally.numerator += n if part in measure.headline else 0
                tally.counts[part] = tally.counts.get(part, 0) + n
            case Count():
                tally.numerator += n if row["numerator"] else 0
            case Percentile():
                value = int(row["value"])
                tally.histogram[value] = tally.histogram.get(value, 0) + n
            case Value():
                tally.report(Reported(exact(row["value"]), exact(row["top"]), exact(row["bottom"])))
    return Counted({place: tally.partial() for place, tally in tallies.items()}, changes)
