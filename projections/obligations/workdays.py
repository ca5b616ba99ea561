"""Hours, days and business days: when something is due that was asked for at a moment.

Here because a limit of "two business days" means nothing without the partnership's calendar; everything else
about obligations only compares the moments that this module gives.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, get_args

from contracts.moments import day_end_us, local_day

Unit = Literal["hours", "days", "business_days"]
UNITS: tuple[Unit, ...] = get_args(Unit)

HOUR_US = 3_600_000_000
_LAST_DAY = date(2199, 12, 30)
"""No date the contracts take has a later day after it."""
MONDAY_TO_FRIDAY = frozenset({1, 2, 3, 4, 5})


@dataclass(frozen=True)
class Workdays:
    """The days on which the partnership works: ISO weekdays (1 is Monday) without the holidays.

    Raises ValueError where no weekday is a working one, because then no business day ever comes.
    """

    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: frozenset[date] = frozenset()
    _off: tuple[date, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= set(range(1, 8)):
            raise ValueError("a calendar needs at least one weekday from 1 (Monday) to 7 (Sunday)")
        # Only these holidays take a working day away.
        object.__setattr__(self, "_off", tuple(sorted(d for d in self.holidays if d.isoweekday() in self.weekdays)))

    @classmethod
    def of(cls, weekdays: Iterable[int], holidays: Iterable[str]) -> Workdays:
        """From the numbers and days of a ``calendar.set``."""
        return cls(frozenset(weekdays), frozenset(date.fromisoformat(day) for day in holidays))

    def is_workday(self, day: date) -> bool:
        """Whether the partnership works on a day."""
        return day.isoweekday() in self.weekdays and day not in self.holidays

    def after(self, day: date, n: int) -> date:
        """The ``n``-th working day after ``day`` (n >= 1); ``day`` itself is not counted, working or not.

        Counts whole weeks at once and makes up for the holidays met on the way, until no more are met.
        """
        found = self._after_without_holidays(day, n)
        while True:
            met = bisect.bisect_right(self._off, found) - bisect.bisect_right(self._off, day)
            further = self._after_without_holidays(day, n + met)
            if further == found:
                return found
            found = further

    def _after_without_holidays(self, day: date, n: int) -> date:
        today = day.isoweekday()
        steps = sorted((weekday - today - 1) % 7 + 1 for weekday in self.weekdays)
        weeks, rest = divmod(n - 1, len(steps))
        return day + timedelta(days=7 * weeks + steps[rest])


def due_us(asked_us: int, limit: int, unit: Unit, workdays: Workdays, zone: str) -> int:
    """The last moment (UTC microseconds) at which what was asked for at ``asked_us`` is in time.

    Hours are elapsed hours, whatever the clocks do. Days and business days end with the last microsecond of a
    local day of ``zone``; the day on which it was asked for is not counted.
    """
    if unit == "hours":
        return asked_us + limit * HOUR_US
    day = date.fromisoformat(local_day(asked_us, zone))
    last = day + timedelta(days=limit) if unit == "days" else workdays.after(day, limit)
    return day_end_us(min(last, _LAST_DAY).isoformat(), zone)
