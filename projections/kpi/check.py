"""Checking a definition against the population it counts.

The contract says which operators there are; only the read models know which columns there are and what they
hold. A definition that fails here is shown as a problem on the scorecard and computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contracts.faults import FAULTS, Problem
from contracts.kpi import (
    After,
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
    NotNull,
    Past,
    Percentile,
    Share,
    Split,
    Value,
)
from projections.kpi.conditions import roots, walk
from projections.kpi.partials import NO_VALUE
from projections.kpi.populations import POPULATIONS, Kind, columns_of

MEASURE_UNITS: dict[type, frozenset[str]] = {
    Share: frozenset({"percent"}),
    Split: frozenset({"percent"}),
    Percentile: frozenset({"minutes", "days", "number"}),
    Count: frozenset({"count"}),
    Value: frozenset({"number", "percent", "count"}),
}


def check_definition(definition: KpiDefinition) -> Problem | None:
    """The first thing that keeps a definition from being computed, or None.

    The problem's code is ``definition_invalid``; its pointer leads into the definition.
    """
    found = next(_faults(definition), None)
    if found is None:
        return None
    pointer, detail = found
    spec = FAULTS["definition_invalid"]
    return Problem(spec.code, spec.title, detail, pointer=pointer, hint=spec.hint)


def _faults(definition: KpiDefinition) -> Iterator[tuple[str, str]]:
    population = POPULATIONS.get(definition.population)
    if population is None:
        known = ", ".join(sorted(POPULATIONS))
        yield "/population", f"there is no population {definition.population!r}; there are {known}"
        return
    columns = columns_of(population)
    if definition.period.on != population.period:
        yield "/period/on", f"rows of {population.name} are placed in time by {population.period!r}"
    for pointer, column, kind in (
        ("/weight", definition.weight, "integer"),
        ("/group_by", definition.group_by, "text"),
    ):
        if column is not None:
            yield from _column(columns, population.name, pointer, column, kind)
    for pointer, root in roots(definition):
        for place, condition in walk(root, pointer):
            yield from _condition(columns, population.name, place, condition)
    yield from _measure(definition, columns, population.name)
    reasons = [exclusion.reason for exclusion in definition.exclude]
    for number, reason in enumerate(reasons):
        if reason in reasons[:number]:
            yield f"/exclude/{number}/reason", f"the reason {reason!r} is given twice"
        if reason == NO_VALUE:
            yield f"/exclude/{number}/reason", f"{NO_VALUE!r} is kept for rows whose measured value is absent"


def _column(
    columns: Mapping[str, Kind], population: str, pointer: str, column: str, kind: str = ""
) -> Iterator[tuple[str, str]]:
    """``kind`` is integer, text, number (integer or real), or "" for any."""
    holds = columns.get(column)
    if holds is None:
        yield pointer, f"{population} has no column {column!r}"
    elif kind and holds != kind and not (kind == "number" and holds in ("integer", "real")):
        yield pointer, f"the column {column!r} of {population} holds {holds}, and {kind} is needed"


def _literal_kind(value: object) -> str:
    return "text" if isinstance(value, str) else "number"


def _condition(
    columns: Mapping[str, Kind], population: str, pointer: str, condition: Condition
) -> Iterator[tuple[str, str]]:
    match condition:
        case Eq() | Ne():
            kind = _literal_kind(condition.value)
            yield from _column(columns, population, f"{pointer}/column", condition.column, kind)
        case In():
            for value in condition.values:
                kind = _literal_kind(value)
                yield from _column(columns, population, f"{pointer}/column", condition.column, kind)
        case IsNull() | NotNull():
            yield from _column(columns, population, f"{pointer}/column", condition.column)
        case Before() | After():
            yield from _column(columns, population, f"{pointer}/column", condition.column, "number")
            yield from _column(columns, population, f"{pointer}/other", condition.other, "number")
        case Differs():
            kind = "text" if columns.get(condition.column) == "text" else "number"
            yield from _column(columns, population, f"{pointer}/column", condition.column, kind)
            yield from _column(columns, population, f"{pointer}/other", condition.other, kind)
        case ElapsedAtMost():
            yield from _column(columns, population, f"{pointer}/from", condition.from_, "integer")
            yield from _column(columns, population, f"{pointer}/to", condition.to, "integer")
        case Past():
            yield from _column(columns, population, f"{pointer}/column", condition.column, "integer")
        case _:
            return


def _measure(definition: KpiDefinition, columns: Mapping[str, Kind], population: str) -> Iterator[tuple[str, str]]:
    measure = definition.measure
    allowed = MEASURE_UNITS[type(measure)]
    if definition.unit not in allowed:
        yield (
            "/unit",
            f"a {measure.kind} is given in {' or '.join(sorted(allowed))}, not in {definition.unit}",
        )
    match measure:
        case Split():
            names = [part.name for part in measure.parts]
            for place, name in enumerate(names):
                if name in names[:place] or name == measure.rest:
                    yield f"/measure/parts/{place}/name", f"the part {name!r} is named twice"
            for place, name in enumerate(measure.headline):
                if name not in (*names, measure.rest):
                    yield f"/measure/headline/{place}", f"there is no part {name!r}"
        case Percentile():
            of = measure.of
            if isinstance(of, Duration):
                yield from _column(columns, population, "/measure/of/from", of.from_, "integer")
                yield from _column(columns, population, "/measure/of/to", of.to, "integer")
                if definition.unit == "number":
                    yield "/unit", "a duration is given in minutes or days"
            else:
                yield from _column(columns, population, "/measure/of/column", of.column, "integer")
                if definition.unit != "number":
                    yield "/unit", "a number is given as it is, not as a duration"
        case Value():
            for pointer, column in (
                ("/measure/column", measure.column),
                ("/measure/numerator", measure.numerator),
                ("/measure/denominator", measure.denominator),
            ):
                if column is not None:
                    yield from _column(columns, population, pointer, column, "number")
            if definition.group_by is not None:
                yield "/group_by", "an outside indicator is shared by all and has no groups"
        case _:
            return
