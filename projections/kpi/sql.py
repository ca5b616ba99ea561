"""The SQL compiler: a definition as one GROUP BY over its population.

A rebuild over a million events has to take seconds, so counting is the database's work. Only constructs
that SQLite and PostgreSQL share are used. Every condition compiles to an expression that is never NULL, so
that SQL's three-valued logic cannot leak into a number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import BigInteger, and_, case, distinct, func, literal, null, or_, select, type_coerce
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.sql import ColumnElement, Select

from contracts.kpi import (
    After,
    AllOf,
    AlsoDuration,
    AnyOf,
    Before,
    Concentration,
    Condition,
    Count,
    Differs,
    Duration,
    ElapsedAtMost,
    Eq,
    Gap,
    In,
    IsNull,
    KpiDefinition,
    Mean,
    Ne,
    Not,
    NotNull,
    Past,
    Percentile,
    Share,
    Split,
    Total,
    Value,
)
from projections.kpi.conditions import DAY_US, SECOND_US, clocks, reads_clock
from projections.kpi.partials import NO_VALUE, Partial, Reported, Tally
from projections.kpi.periods import UNDATED
from projections.kpi.populations import POPULATIONS
from projections.kpi.reference import ANSWERS, Place, exact, micro

MEASURED = (Percentile, Mean, Value)
"""Measures of a value, which a row may lack."""


Moment = int | ColumnElement[Any]
"""Microseconds since the epoch: one moment, or one for every row that is looked at."""


class Source(Protocol):
    """What can be counted: a table, or anything else whose columns are found by name."""

    @property
    def c(self) -> Any:
        """The columns by name."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows that stand at the ends of months: which those are, and the month as which each is counted."""

    rows: ColumnElement[bool]
    month: ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a query found: the partials by place, and by place the next moment the clock may change one."""

    partials: dict[Place, Partial]
    next_change_us: dict[Place, int]


def _bare(value: str | int | bool) -> str | int:
    """Truth is kept as 1 and 0."""
    return int(value) if isinstance(value, bool) else value


def compile_condition(condition: Condition, table: Source, as_of_us: Moment) -> ColumnElement[bool]:
    """A condition as an SQL expression that is true or false, never NULL."""
    columns: Mapping[str, ColumnElement[Any]] = table.c
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


def _flag(condition: Condition, table: Source, as_of_us: Moment) -> ColumnElement[Any]:
    return case((compile_condition(condition, table, as_of_us), 1), else_=0)


def _value(measure: Percentile, table: Source) -> ColumnElement[Any]:
    """The measured whole number; integer division cuts off towards zero on both back ends."""
    of = measure.of
    if isinstance(of, Duration):
        elapsed = type_coerce(table.c[of.to], BigInteger) - type_coerce(table.c[of.from_], BigInteger)
        return elapsed // literal(SECOND_US, BigInteger)
    return type_coerce(table.c[of.column], BigInteger)


def _facets(definition: KpiDefinition, table: Source, as_of_us: Moment) -> list[tuple[str, ColumnElement[Any]]]:
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
            counted: list[tuple[str, ColumnElement[Any]]] = [("numerator", when)]
            if definition.distinct is not None:
                counted.append(("missing", _absent(table, definition.distinct)))
            return counted
        case Total():
            return [("missing", _absent(table, measure.column))]
        case Concentration():
            return [("part", table.c[measure.by]), ("missing", _absent(table, measure.by, measure.sum))]
        case Gap():
            missing = literal(1) if definition.group_by is None else _absent(table, definition.group_by)
            return [("numerator", _flag(measure.numerator, table, as_of_us)), ("missing", missing)]
        case Mean():
            return [("value", table.c[measure.column])]
        case Percentile():
            further = [
                (f"also_{number}", _further(also, table))
                for number, also in enumerate(measure.also)
                if isinstance(also, AlsoDuration)
            ]
            return [("value", _value(measure, table)), *further]
        case Value():
            named: list[tuple[str, ColumnElement[Any]]] = [("value", table.c[measure.column])]
            for label, column in (("top", measure.numerator), ("bottom", measure.denominator)):
                named.append((label, null() if column is None else table.c[column]))
            return named
        case _:
            raise ValueError(f"a {measure.kind} is counted by its sides or by persons, not as it is")


def _absent(table: Source, *columns: str) -> ColumnElement[Any]:
    return case((or_(*(table.c[column].is_(None) for column in columns)), 1), else_=0)


def _further(also: AlsoDuration, table: Source) -> ColumnElement[Any]:
    """A further duration in whole seconds; NULL where it is absent or runs backwards."""
    start, end = (type_coerce(table.c[column], BigInteger) for column in (also.from_, also.to))
    return case((end >= start, (end - start) // literal(SECOND_US, BigInteger)))


def _amounts(definition: KpiDefinition, table: Source) -> list[ColumnElement[Any]]:
    """What is added up of each row, and what is told apart among them, where the definition does either."""
    measure = definition.measure
    column = (
        measure.column if isinstance(measure, Total) else measure.sum if isinstance(measure, Concentration) else None
    )
    found: list[ColumnElement[Any]] = []
    if column is not None:
        found.append(func.coalesce(table.c[column], 0).label("amount"))
    if definition.distinct is not None:
        found.append(table.c[definition.distinct].label("item"))
    return found


def partial_query(
    definition: KpiDefinition,
    table: Source,
    as_of_us: Moment,
    months: Collection[str] | None = None,
    standing: Standing | None = None,
) -> Select[Any]:
    """The query for a definition's partials at ``as_of_us``, of all months or of some ("" for undated), or of the rows
    that stand at the end of a month."""
    period: ColumnElement[Any] = table.c[definition.period.on]
    group = table.c[definition.group_by] if definition.group_by else None
    time = POPULATIONS[definition.population].time
    scope = None if definition.scope is None else compile_condition(definition.scope, table, as_of_us)
    reasons = [
        (compile_condition(exclusion.when, table, as_of_us), literal(exclusion.reason))
        for exclusion in definition.exclude
    ]
    reason = case(*reasons, else_=literal("")) if reasons else literal("")
    facets = _facets(definition, table, as_of_us)
    amounts = _amounts(definition, table)
    inner = select(
        (period if standing is None else standing.month).label("period"),
        (null() if group is None else group).label("grp"),
        (literal(1) if scope is None else case((scope, 1), else_=0)).label("in_scope"),
        reason.label("reason"),
        *(expression.label(name) for name, expression in facets),
        (literal(1) if definition.weight is None else func.coalesce(table.c[definition.weight], 0)).label("w"),
        (null() if time is None else table.c[time]).label("moment"),
        *amounts,
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
    if standing is not None:
        inner = inner.where(standing.rows)
    elif months is not None:
        dated = [month for month in months if month != UNDATED]
        wanted = period.in_(dated)
        inner = inner.where(or_(wanted, period.is_(None)) if UNDATED in months else wanted)
    rows = inner.subquery("counted")
    keys = [rows.c[name] for name in ("period", "grp", "in_scope", "reason", *(name for name, _ in facets))]
    changes = [rows.c[f"change_{number}"] for number in range(len(clocks(definition)))]
    return select(
        *keys,
        func.sum(rows.c.w).label("n"),
        *(_added(rows.c[amount.name]) for amount in amounts),
        *([func.count().label("rows")] if isinstance(definition.measure, Mean) else []),
        func.max(rows.c.moment).label("last_us"),
        *(func.min(change).label(change.name) for change in changes),
    ).group_by(*keys)


def _added(column: ColumnElement[Any]) -> ColumnElement[Any]:
    named = column.key
    return (func.sum(column) if named == "amount" else func.count(distinct(column))).label(str(named))


def count(
    connection: Connection,
    definition: KpiDefinition,
    table: Source,
    as_of_us: Moment,
    months: Collection[str] | None = None,
    standing: Standing | None = None,
) -> Counted:
    """The partials of a definition at ``as_of_us``, of all months or of some, or of the rows that stand then."""
    tallies: dict[Place, Tally] = {}
    changes: dict[Place, int] = {}
    measure = definition.measure
    for row in connection.execute(partial_query(definition, table, as_of_us, months, standing)).mappings():
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
        if not excluded and (row["value"] is None if isinstance(measure, MEASURED) else row.get("missing")):
            excluded = NO_VALUE
        if excluded:
            tally.excluded[excluded] = tally.excluded.get(excluded, 0) + n
            continue
        _take(tally, definition, row, n)
    return Counted({place: tally.partial() for place, tally in tallies.items()}, changes)


def _take(tally: Tally, definition: KpiDefinition, row: RowMapping, n: int) -> None:
    """Adds the rows of one facet, ``n`` by weight, that are not excluded."""
    measure = definition.measure
    if definition.distinct is not None:
        n = int(row["item"])
    tally.denominator += int(row["amount"]) if isinstance(measure, Concentration) else n
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
        case Count() | Gap():
            tally.numerator += n if row["numerator"] else 0
        case Total():
            tally.numerator += int(row["amount"])
        case Concentration():
            amount = int(row["amount"])
            tally.numerator += amount
            tally.counts[str(row["part"])] = tally.counts.get(str(row["part"]), 0) + amount
        case Mean():
            value = micro(row["value"])
            tally.histogram[value] = tally.histogram.get(value, 0) + n
            tally.counts[ANSWERS] = tally.counts.get(ANSWERS, 0) + int(row["rows"])
        case Percentile():
            value = int(row["value"])
            tally.histogram[value] = tally.histogram.get(value, 0) + n
            for number, further in enumerate(measure.also):
                if isinstance(further, AlsoDuration) and row[f"also_{number}"] is not None:
                    tally.measure(further.name, int(row[f"also_{number}"]), n)
        case Value():
            tally.report(Reported(exact(row["value"]), exact(row["top"]), exact(row["bottom"])))
        case _:
            raise ValueError(f"a {measure.kind} is counted by its sides or by persons, not as it is")
