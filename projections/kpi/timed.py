"""The reference evaluator of rows that stand: open at a moment, in a window that ends there, or the latest said.

Plain and slow, as ``reference`` is; ``sql_timed`` must agree with it. It chooses the rows that stand at the end of
each period and hands them to the reference evaluator, which reads them at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from contracts.kpi import KpiDefinition, Latest, Open, Rolling
from projections.kpi import reference
from projections.kpi.conditions import meets
from projections.kpi.ends import End, ends, window
from projections.kpi.partials import Partial
from projections.kpi.periods import current, span
from projections.kpi.populations import POPULATIONS, Row
from projections.kpi.reference import Place


def standing(definition: KpiDefinition, rows: Iterable[Row], end: End) -> list[Row]:
    """The rows that stand at the end of a period."""
    timing = definition.timing
    match timing:
        case Open():
            return [row for row in rows if is_open(timing, row, end)]
        case Rolling():
            return [row for row in rows if is_within(definition, timing, row, end)]
        case Latest():
            return _latest(definition, timing, rows, end)
        case None:
            return list(rows)


def is_open(timing: Open, row: Row, end: End) -> bool:
    """Whether a row is open at a moment: begun, and not ended."""
    begun = row[timing.from_]
    return begun is not None and begun <= end.at_us and not any(_reached(row[name], end) for name in timing.until)


def is_within(definition: KpiDefinition, timing: Rolling, row: Row, end: End) -> bool:
    """Whether a row is in the window that ends with a period, and not later than the reading."""
    first, last = window(timing, end.month)
    month = row[definition.period.on]
    return month is not None and first <= month <= last and (_moment(definition, row) or 0) <= end.known_us


def _moment(definition: KpiDefinition, row: Row) -> int | None:
    """What dates a row; None where nothing does."""
    time = POPULATIONS[definition.population].time
    return None if time is None else row[time]


def next_change_us(definition: KpiDefinition, rows: Iterable[Row], as_of_us: int) -> int | None:
    """The next moment at which a row comes into a window, as far as it is dated later than the reading."""
    if not isinstance(definition.timing, Rolling):
        return None
    dated = (_moment(definition, row) for row in rows)
    return min((moment for moment in dated if moment is not None and moment > as_of_us), default=None)


def _reached(value: Any, end: End) -> bool:
    """Whether an end is reached: a moment that has come, or a day that is over."""
    if value is None:
        return False
    return bool(value < end.day) if isinstance(value, str) else bool(value <= end.at_us)


def _latest(definition: KpiDefinition, timing: Latest, rows: Iterable[Row], end: End) -> list[Row]:
    first, last = window(timing, end.month)
    on, key = definition.period.on, POPULATIONS[definition.population].key
    kept: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if row[on] is None or not first <= row[on] <= last:
            continue
        if definition.scope is not None and not meets(definition.scope, row, end.at_us):
            continue
        by = tuple(row[name] for name in timing.by)
        if by not in kept or (kept[by][on], key(kept[by])) < (row[on], key(row)):
            kept[by] = row
    return list(kept.values())


def _first_month(definition: KpiDefinition, rows: Iterable[Row], zone: str) -> str | None:
    """The first month in which anything can stand."""
    if isinstance(definition.timing, Open):
        begun = [row[definition.timing.from_] for row in rows]
        earliest = min((moment for moment in begun if moment is not None), default=None)
        return None if earliest is None else current(earliest, zone, "month")
    months = [row[definition.period.on] for row in rows]
    return min((month for month in months if month is not None and span(month) is not None), default=None)


def partials(
    definition: KpiDefinition, rows: Iterable[Row], as_of_us: int, zone: str, wanted: Collection[str] | None = None
) -> dict[Place, Partial]:
    """What every period contributes, of all or of those wanted."""
    known = list(rows)
    first = _first_month(definition, known, zone)
    found: dict[Place, Partial] = {}
    for end in ends(wanted, first, as_of_us, zone):
        counted = reference.partials(definition, standing(definition, known, end), end.at_us, end.month)
        for (_, group), partial in counted.items():
            for place in end.places:
                found[place, group] = partial
    return found
