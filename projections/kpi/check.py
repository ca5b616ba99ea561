"""Checking a definition against the population it counts.

The contract says which operators there are; only the read models know which columns there are and what they
hold. A definition that fails here is shown as a problem on the scorecard and computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contracts.faults import FAULTS, Problem
from contracts.kpi import (
    After,
    AlsoDuration,
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
    Latest,
    Mean,
    Measure,
    Ne,
    NotNull,
    Open,
    Past,
    Percentile,
    Ratio,
    Return,
    Share,
    Split,
    Total,
    Value,
)
from projections.kpi.conditions import roots, walk
from projections.kpi.partials import NO_VALUE
from projections.kpi.populations import POPULATIONS, Kind, columns_of
from projections.kpi.returns import WINDOW_OPEN
from projections.kpi.sides import NO_DENOMINATOR, Side, sides

KEPT_REASONS = {
    NO_VALUE: "rows whose measured value is absent",
    NO_DENOMINATOR: "groups that a matched ratio has no denominator for",
}
"""Reasons that measures give by themselves."""
MEASURE_UNITS: dict[type, frozenset[str]] = {
    Share: frozenset({"percent"}),
    Split: frozenset({"percent"}),
    Percentile: frozenset({"minutes", "days", "number"}),
    Count: frozenset({"count"}),
    Total: frozenset({"count", "number"}),
    Mean: frozenset({"number"}),
    Gap: frozenset({"points"}),
    Concentration: frozenset({"number"}),
    Return: frozenset({"percent"}),
    Value: frozenset({"number", "percent", "count"}),
}
PER_UNITS: dict[int, frozenset[str]] = {100: frozenset({"percent"}), 1000: frozenset({"per_1000"})}
"""The unit of a ratio by its ``per``; any other is a number, or months where it is taken per month."""
WEIGHTED = (Share, Split, Percentile, Count, Mean)
"""Measures of rows that may stand for several things each."""


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
        ("/distinct", definition.distinct, ""),
    ):
        if column is not None:
            yield from _column(columns, population.name, pointer, column, kind)
    if definition.weight is not None and not isinstance(definition.measure, WEIGHTED):
        yield "/weight", f"a {definition.measure.kind} takes no weight"
    if definition.distinct is not None and not (
        isinstance(definition.measure, Count | Ratio) and getattr(definition.measure, "when", None) is None
    ):
        yield "/distinct", "different values are counted by a count without a condition, or by a ratio"
    if definition.distinct is not None and definition.weight is not None:
        yield "/weight", "different values are counted once each and take no weight"
    if definition.timing is not None and isinstance(definition.measure, Return | Value):
        yield "/timing", f"a {definition.measure.kind} has periods of its own and takes no timing"
    for side in sides(definition):
        yield from _side(side)
    for pointer, root in roots(definition):
        for place, condition in walk(root, pointer):
            yield from _condition(columns, population.name, place, condition)
    yield from _measure(definition, columns, population.name)


def _side(side: Side) -> Iterator[tuple[str, str]]:
    """What is wrong with a side that could be said of either side of a ratio: population, timing, sums, exclusions."""
    definition, pointer = side.definition, side.pointer
    population = POPULATIONS.get(definition.population)
    if population is None:
        known = ", ".join(sorted(POPULATIONS))
        yield f"{pointer}/population", f"there is no population {definition.population!r}; there are {known}"
        return
    columns, name = columns_of(population), population.name
    if definition.timing is not None:
        yield from _timing(definition, columns, f"{pointer}/timing")
    if definition.distinct is not None and definition.timing is None:
        yield f"{pointer}/distinct", "over several months what comes back would count again; give a timing"
    reasons = [exclusion.reason for exclusion in definition.exclude]
    for number, reason in enumerate(reasons):
        if reason in reasons[:number]:
            yield f"{pointer}/exclude/{number}/reason", f"the reason {reason!r} is given twice"
        if reason in KEPT_REASONS:
            yield f"{pointer}/exclude/{number}/reason", f"{reason!r} is kept for {KEPT_REASONS[reason]}"
    if side.role == "rows":
        return
    for column, kind, place in ((definition.distinct, "", "distinct"), (definition.group_by, "text", "group_by")):
        if column is not None:
            yield from _column(columns, name, f"{pointer}/{place}", column, kind)
    if isinstance(definition.measure, Total):
        yield from _column(columns, name, f"{pointer}/sum", definition.measure.column, "integer")
        if definition.distinct is not None:
            yield f"{pointer}/distinct", "different values are counted, not added up; leave out either"
    for place, root in roots(definition):
        for where, condition in walk(root, f"{pointer}{place}"):
            yield from _condition(columns, name, where, condition)


def _timing(definition: KpiDefinition, columns: Mapping[str, Kind], pointer: str) -> Iterator[tuple[str, str]]:
    timing, name = definition.timing, definition.population
    if POPULATIONS[name].period != "month":
        yield pointer, f"the rows of {name} are of a period as it is and do not stand at the end of one"
    elif "month" not in columns or name in ("entries", "expected_reports", "kpi_status"):
        yield pointer, f"the rows of {name} belong to a month and do not stand at the end of one"
    match timing:
        case Open():
            yield from _column(columns, name, f"{pointer}/from", timing.from_, "integer")
            for number, column in enumerate(timing.until):
                yield from _column(columns, name, f"{pointer}/until/{number}", column)
                if columns.get(column) == "real":
                    yield f"{pointer}/until/{number}", f"the column {column!r} holds neither a moment nor a day"
        case Latest():
            for number, column in enumerate(timing.by):
                yield from _column(columns, name, f"{pointer}/by/{number}", column)
        case _:
            return


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
    allowed = _units(measure)
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
            for number, also in enumerate(measure.also):
                if isinstance(also, AlsoDuration):
                    yield from _column(columns, population, f"/measure/also/{number}/from", also.from_, "integer")
                    yield from _column(columns, population, f"/measure/also/{number}/to", also.to, "integer")
                    if not isinstance(of, Duration):
                        yield f"/measure/also/{number}", "a duration does not stand beside a number"
        case Total():
            yield from _column(columns, population, "/measure/column", measure.column, "integer")
        case Mean():
            yield from _column(columns, population, "/measure/column", measure.column, "number")
        case Concentration():
            yield from _column(columns, population, "/measure/by", measure.by, "text")
            yield from _column(columns, population, "/measure/sum", measure.sum, "integer")
        case Gap():
            if definition.group_by is None:
                yield "/group_by", "a gap is between groups; name the column that holds them"
        case Ratio():
            yield from _ratio(definition, measure, columns)
        case Return():
            yield from _return(definition, measure, columns)
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


def _units(measure: Measure) -> frozenset[str]:
    if isinstance(measure, Ratio):
        return PER_UNITS.get(measure.per, frozenset({"number", "months"}))
    return MEASURE_UNITS[type(measure)]


def _ratio(definition: KpiDefinition, measure: Ratio, columns: Mapping[str, Kind]) -> Iterator[tuple[str, str]]:
    if measure.sum is not None:
        yield from _column(columns, definition.population, "/measure/sum", measure.sum, "integer")
        for place in ("weight", "distinct"):
            if getattr(definition, place) is not None:
                yield f"/{place}", "what is added up is not counted as well; leave out either"
    if (measure.matched or measure.also) and definition.group_by is None:
        yield "/group_by", "there are no groups to match or to compare; name the column that holds them"
    for pointer, rows in (("/measure/numerator", measure.numerator), ("/measure/less", measure.less)):
        if rows is not None and (rows.timing is None) != (definition.timing is None):
            yield f"{pointer}/timing", "either every side of a ratio has a timing or none has"


def _return(definition: KpiDefinition, measure: Return, columns: Mapping[str, Kind]) -> Iterator[tuple[str, str]]:
    population = POPULATIONS[definition.population]
    yield from _column(columns, population.name, "/measure/person", measure.person, "text")
    yield from _column(columns, population.name, "/measure/at", measure.at, "integer")
    if measure.at != population.time or population.built or population.period != "month":
        yield (
            "/measure/at",
            f"a row of {population.name} is placed in its month by {population.time!r} alone",
        )
    for pointer, root in roots(definition):
        if any(isinstance(condition, Past) for _, condition in walk(root, pointer)):
            yield pointer, "a return looks at the clock by itself, and nothing else in its definition may"
    for number, exclusion in enumerate(definition.exclude):
        if exclusion.reason == WINDOW_OPEN:
            yield f"/exclude/{number}/reason", f"{WINDOW_OPEN!r} is kept for persons whose days have not passed"
    names = [also.name for also in measure.also]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield f"/measure/also/{number}/name", f"the name {name!r} is given twice"
