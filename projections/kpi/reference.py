"""The reference evaluator: a definition over rows, one row at a time, in plain Python.

It is slow and obvious. Explanations recompute with it, populations without a table are counted by it, and
it is the oracle the SQL compiler is tested against; it shares no code with that compiler but the shape of a
partial.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from contracts.kpi import (
    AlsoDuration,
    Concentration,
    Count,
    Duration,
    Gap,
    KpiDefinition,
    Mean,
    Percentile,
    Ratio,
    Return,
    Share,
    Split,
    Total,
    Value,
)
from projections.kpi.conditions import DAY_US, SECOND_US, clocks, meets
from projections.kpi.partials import NO_VALUE, Partial, Reported, Tally
from projections.kpi.populations import POPULATIONS, Row

ANSWERS = "answers"
"""The count under which a mean keeps how many rows it is over."""

Place = tuple[str, str]
"""(month, group): month "" for undated rows, group "" for rows without one. What belongs to one period as it is
(``ends.by_period``) has that period for a month."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a definition makes of one row in scope.

    ``excluded`` is the reason for leaving it out ("" where it counts); ``numerator`` whether it is in the
    numerator; ``counts`` the further shares or the part it is in; ``value`` what was measured, and ``values`` the
    further durations by name; ``amount`` what it adds to a sum.
    """

    excluded: str = ""
    numerator: bool = False
    counts: tuple[str, ...] = ()
    value: int | None = None
    values: tuple[tuple[str, int], ...] = ()
    amount: int | None = None
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


def micro(value: int | float) -> int:
    """A number in millionths, half to even: what a mean is taken over, so that sums are exact in any order."""
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return int(number.scaleb(6).to_integral_value(ROUND_HALF_EVEN))


def whole_seconds(start_us: int, end_us: int) -> int:
    """The whole seconds from one moment to another, cut off towards zero as integer division in SQL
    does."""
    elapsed = end_us - start_us
    return elapsed // SECOND_US if elapsed >= 0 else -(-elapsed // SECOND_US)


def judge(definition: KpiDefinition, row: Row, as_of_us: int) -> Verdict | None:
    """What the definition makes of a row read at ``as_of_us``; None where it is out of scope.

    Of a ratio, what its own rows' side makes of it; of a return, which no row is by itself, only whether it counts.
    """
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
            if definition.distinct is not None and row[definition.distinct] is None:
                return Verdict(excluded=NO_VALUE)
            return Verdict(numerator=measure.when is None or meets(measure.when, row, as_of_us))
        case Total():
            return _adding(row[measure.column])
        case Ratio():
            return Verdict() if measure.sum is None else _adding(row[measure.sum])
        case Concentration():
            holder = row[measure.by]
            return Verdict(excluded=NO_VALUE) if holder is None else _adding(row[measure.sum], (str(holder),))
        case Mean():
            number = row[measure.column]
            return Verdict(excluded=NO_VALUE) if number is None else Verdict(value=micro(number), counts=(ANSWERS,))
        case Gap():
            if definition.group_by is None or row[definition.group_by] is None:
                return Verdict(excluded=NO_VALUE)
            return Verdict(numerator=meets(measure.numerator, row, as_of_us))
        case Return():
            known = row[measure.person] is not None and row[measure.at] is not None
            return Verdict(excluded="" if known else NO_VALUE)
        case Percentile():
            value = _measured(measure, row)
            return Verdict(excluded=NO_VALUE) if value is None else Verdict(value=value, values=_further(measure, row))
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


def _adding(amount: Any, counts: tuple[str, ...] = ()) -> Verdict:
    return Verdict(excluded=NO_VALUE) if amount is None else Verdict(numerator=True, counts=counts, amount=int(amount))


def _further(measure: Percentile, row: Row) -> tuple[tuple[str, int], ...]:
    """The further durations that a row has, and that do not run backwards."""
    found = []
    for also in measure.also:
        if isinstance(also, AlsoDuration):
            start, end = row[also.from_], row[also.to]
            if start is not None and end is not None and end >= start:
                found.append((also.name, whole_seconds(start, end)))
    return tuple(found)


def place_of(definition: KpiDefinition, row: Row) -> Place:
    """Where a row counts: its month or period, and its group."""
    month = row[definition.period.on]
    group = row[definition.group_by] if definition.group_by else None
    return ("" if month is None else str(month)), ("" if group is None else str(group))


def partials(
    definition: KpiDefinition, rows: Iterable[Row], as_of_us: int, month: str | None = None
) -> dict[Place, Partial]:
    """What every month and group contributes, read at ``as_of_us``; with ``month``, as if all rows were of it."""
    time = POPULATIONS[definition.population].time
    tallies: dict[Place, Tally] = {}
    seen: set[tuple[Place, Any]] = set()
    for row in rows:
        verdict = judge(definition, row, as_of_us)
        if verdict is None:
            continue
        place = place_of(definition, row)
        place = place if month is None else (month, place[1])
        tally = tallies.setdefault(place, Tally())
        weight = 1 if definition.weight is None else int(row[definition.weight] or 0)
        tally.see(row[time] if time else None)
        if verdict.excluded:
            tally.excluded[verdict.excluded] = tally.excluded.get(verdict.excluded, 0) + weight
            continue
        if definition.distinct is not None:
            if (place, row[definition.distinct]) in seen:
                continue
            seen.add((place, row[definition.distinct]))
        _take(tally, definition, verdict, weight)
    return {place: tally.partial() for place, tally in tallies.items()}


def _take(tally: Tally, definition: KpiDefinition, verdict: Verdict, weight: int) -> None:
    amount = weight if verdict.amount is None else verdict.amount
    tally.denominator += amount if isinstance(definition.measure, Concentration) else weight
    tally.numerator += amount if verdict.numerator else 0
    for name in verdict.counts:
        # Answers are counted as they came in, however many each stands for.
        tally.counts[name] = tally.counts.get(name, 0) + (1 if isinstance(definition.measure, Mean) else amount)
    if verdict.value is not None:
        tally.histogram[verdict.value] = tally.histogram.get(verdict.value, 0) + weight
    for name, value in verdict.values:
        tally.measure(name, value, weight)
    tally.report(verdict.reported)


def next_change_us(definition: KpiDefinition, rows: Iterable[Row], as_of_us: int) -> int | None:
    """The earliest moment after ``as_of_us`` at which the clock may change a verdict; None for never."""
    moments = [
        row[clock.column] + clock.days * DAY_US
        for row in rows
        for clock in clocks(definition)
        if row[clock.column] is not None
    ]
    return min((moment for moment in moments if moment > as_of_us), default=None)
