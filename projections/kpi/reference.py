"""The reference evaluator: a definition over rows, one row at a time, in plain Python.

It is slow and obvious. Explanations recompute with it, populations without a table are counted by it, and
it is the oracle the SQL compiler is tested against; it shares no code with that compiler but the shape of a
partial.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from contracts.kpi import Count, Duration, KpiDefinition, Percentile, Share, Split, Value
from projections.kpi.conditions import DAY_US, SECOND_US, clocks, meets
from projections.kpi.partials import NO_VALUE, Partial, Reported, Tally
from projections.kpi.populations import POPULATIONS, Row

Place = tuple[str, str]
"""(month, group): month "" for undated rows, group "" for rows without one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a definition makes of one row in scope.

    ``excluded`` is the reason for leaving it out ("" where it counts); ``numerator`` whether it is in the
    numerator; ``counts`` the further shares or the part it is in; ``value`` what was measured.
    """

    excluded: str = ""
    numerator: bool = False
    counts: tuple[str, ...] = ()
    value: int | None = None
    reported: Reported | None = None

    @property
    def role(self) -> str:
        """One word for a list of rows."""
        return "excluded" if self.excluded else "numerator" if self.numerator else "denominator"


def exact(value: Any) -> str | None:
    """A number as it reads shortest, without a trailing ``.0``."""
    if value is None:
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return str(int(number)) if number == number.to_integral_value() else str(number.normalize())


def whole_seconds(start_us: int, end_us: int) -> int:
    """The whole seconds from one moment to another, cut off towards zero as integer division in SQL
    does."""
    elapsed = end_us - start_us
    return elapsed // SECOND_US if elapsed >= 0 else -(-elapsed // SECOND_US)


def judge(definition: KpiDefinition, row: Row, as_of_us: int) -> Verdict | None:
    """What the definition makes of a row read at ``as_of_us``; None where it is out of scope."""
    if definition.scope is not None and not meets(definition.scope, row, as_of_us):
        return None
    for exclusion in definition.exclude:
        if meets(exclusion.when, row, as_of_us):
            return Verdict(excluded=exclusion.reason)
    measure = definition.measure
    match measure:
        case Share():
            also = tuple(share.name for share in measure.also if meets(share.numerator, row, as_of_us))
            return Verdict(numerator=meets(measure.numerator, row, as_of_us), counts=also)
        case Split():
            part = next((part.name for part in measure.parts if meets(part.when, row, as_of_us)), measure.rest)
            return Verdict(numerator=part in measure.headline, counts=(part,))
        case Count():
            return Verdict(numerator=measure.when is None or meets(measure.when, row, as_of_us))
        case Percentile():
            value = _measured(measure, row)
            return Verdict(excluded=NO_VALUE) if value is None else Verdict(value=value)
        case Value():
            if row[measure.column] is None:
                return Verdict(excluded=NO_VALUE)
            return Verdict(
                reported=Reported(
                    exact(row[measure.column]),
                    exact(row[measure.numerator]) if measure.numerator else None,
                    exact(row[measure.denominator]) if measure.denominator else None,
                )
            )


def _measured(measure: Percentile, row: Row) -> int | None:
    of = measure.of
    if isinstance(of, Duration):
        start, end = row[of.from_], row[of.to]
        return None if start is None or end is None else whole_seconds(start, end)
    value = row[of.column]
    return None if value is None else int(value)


def place_of(definition: KpiDefinition, row: Row) -> Place:
    """Where a row counts: its month or period, and its group."""
    month = row[definition.period.on]
    group = row[definition.group_by] if definition.group_by else None
    return ("" if month is None else str(month)), ("" if group is None else str(group))


def partials(definition: KpiDefinition, rows: Iterable[Row], as_of_us: int) -> dict[Place, Partial]:
    """What every month and group contributes, read at ``as_of_us``."""
    time = POPULATIONS[definition.population].time
    tallies: dict[Place, Tally] = {}
    for row in rows:
        verdict = judge(definition, row, as_of_us)
        if verdict is None:
            continue
        tally = tallies.setdefault(place_of(definition, row), Tally())
        weight = 1 if definition.weight is None else int(row[definition.weight] or 0)
        tally.see(row[time] if time else None)
        if verdict.excluded:
            tally.excluded[verdict.excluded] = tally.excluded.get(verdict.excluded, 0) + weight
            continue
        tally.denominator += weight
        tally.numerator += weight if verdict.numerator else 0
        for name in verdict.counts:
            tally.counts[name] = tally.counts.get(name, 0) + weight
        if verdict.value is not None:
            tally.histogram[verdict.value] = tally.histogram.get(verdict.value, 0) + weight
        tally.report(verdict.reported)
    return {place: tally.partial() for place, tally in tallies.items()}


def next_change_us(definition: KpiDefinition, rows: Iterable[Row], as_of_us: int) -> int | None:
    """The earliest moment after ``as_of_us`` at which the clock may change a verdict; None for never."""
    moments = [
        row[clock.column] + clock.days * DAY_US
        for row in rows
        for clock in clocks(definition)
        if row[clock.column] is not None
    ]
    return min((moment for moment in moments if moment > as_of_us), default=None)
