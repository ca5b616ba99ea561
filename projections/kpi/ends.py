"""The ends of periods: at which moment a standing figure is read, and which periods close with it.

What stands at a point in time, or in a window that ends there, is not the sum of months: a quarter is as its last
month ends, a running year and "all" are as things stand at the reading. So such figures are counted once at the end
of each month and kept under every period that closes there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from contracts.kpi import KpiDefinition, Latest, Open, Return, Rolling, Timing, Value
from projections.kpi.periods import (
    ALL,
    UNDATED,
    Grain,
    at_grain,
    bounds_us,
    current,
    local_date,
    months_of,
    shift,
    span,
)

FIRST_END = "2000-01"
"""The first month at whose end standing figures are given. A guard against a moment in antiquity, after which a row
would be open at the end of thousands of months; a fixed month, so that no period drops out as time goes on."""

NEVER_US = 2**62
"""Later than every moment."""

LONGER: tuple[Grain, ...] = ("quarter", "year")


@dataclass(frozen=True, slots=True)
class End:
    """The end of a month, or the reading within it.

    ``at_us`` is the last moment that is looked at, ``day`` the local day of it, ``running`` whether that is the
    moment of reading; ``places`` are the periods that are as things stand then.
    """

    month: str
    at_us: int
    day: str
    running: bool
    places: tuple[str, ...]

    @property
    def known_us(self) -> int:
        """The moment after which a row of a window lies in the future: that of the reading; no row of a month that is
        over does, even where it was said later what the month was like."""
        return self.at_us if self.running else NEVER_US


def by_period(definition: KpiDefinition) -> bool:
    """Whether what is counted belongs to one period as it is, and not to a month that others are the sum of."""
    return definition.timing is not None or isinstance(definition.measure, Return | Value)


def closing_month(period: str, running: str) -> str | None:
    """The month with whose end a period closes, the running one where it is not over; None where it has not begun."""
    if period == ALL:
        return running
    ends, now = span(period), span(running)
    assert now is not None
    if ends is None or ends[0] > now[0]:
        return None
    return months_of(period)[-1] if ends[1] <= now[1] else running


def closing_with(month: str, running: str) -> tuple[str, ...]:
    """The periods that close with a month that is not in the future."""
    periods = (month, *(at_grain(month, grain) for grain in LONGER), ALL)
    return tuple(period for period in periods if closing_month(period, running) == month)


def ends(wanted: Collection[str] | None, first: str | None, as_of_us: int, zone: str) -> list[End]:
    """The ends at which the periods ``wanted`` close, of all from the month ``first`` on where that is None."""
    running = current(as_of_us, zone, "month")
    months: Iterable[str]
    if wanted is None:
        months = [] if first is None else between(max(first, FIRST_END), running)
    else:
        closing = {closing_month(period, running) for period in wanted}
        months = sorted(month for month in closing if month is not None and month >= FIRST_END)
    found = []
    for month in months:
        bounds = bounds_us(month, zone)
        assert bounds is not None
        at_us = as_of_us if month == running else bounds[1] - 1
        places = tuple(p for p in closing_with(month, running) if wanted is None or p in wanted)
        found.append(End(month, at_us, local_date(at_us, zone).isoformat(), month == running, places))
    return found


def between(first: str, last: str) -> list[str]:
    """The months from one to another, both included; none where the first is the later."""
    low, high = span(first), span(last)
    if low is None or high is None:
        return []
    return [shift(first, by) for by in range(high[0] - low[0] + 1)]


def closed_by(months: Iterable[str], as_of_us: int, zone: str) -> set[str]:
    """The periods that close with one of these months."""
    running = current(as_of_us, zone, "month")
    return {period for month in months if FIRST_END <= month <= running for period in closing_with(month, running)}


def come_up(since_us: int, as_of_us: int, zone: str) -> set[str]:
    """The periods whose end has moved between two moments: those that ran at the first one or began since."""
    started, running = current(since_us, zone, "month"), current(as_of_us, zone, "month")
    ran = {started, *(at_grain(started, grain) for grain in LONGER), ALL}
    return ran | closed_by(between(started, running), as_of_us, zone)


def touched(timing: Timing, month: str, running: str) -> list[str]:
    """The months at whose end a row of ``month`` may stand, up to the running one."""
    if month == UNDATED or span(month) is None:
        return []
    match timing:
        case Open():
            last = running
        case Rolling() | Latest():
            last = min(running, shift(month, timing.months - 1))
    return between(max(month, FIRST_END), last)


def window(timing: Rolling | Latest, month: str) -> tuple[str, str]:
    """The first and last month of the window that ends with a month."""
    return shift(month, 1 - timing.months), month


def places_of(month: str, grain: Grain) -> str:
    """The place of a month's rows at a grain; undated rows have one of their own."""
    return UNDATED if month == UNDATED else at_grain(month, grain)


__all__ = [
    "FIRST_END",
    "End",
    "by_period",
    "closed_by",
    "closing_month",
    "closing_with",
    "come_up",
    "ends",
    "places_of",
    "touched",
    "window",
]
