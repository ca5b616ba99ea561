"""Months and periods of the partnership's calendar.

Here because read models count by the local calendar while the log keeps UTC microseconds; every function is
pure.
"""

from __future__ import annotations

import datetime as dt

from contracts.moments import day_end_us, local_month

MONTHS_IN: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
"""The lengths of the recurrences in months."""


def month_of(zone: str, us: int | None) -> str | None:
    """The local month (``2025-03``) of a moment; None for an unknown one."""
    return None if us is None else local_month(us, zone)


def month_of_day(day: str | None) -> str | None:
    """The month of a local day (``2025-03-09`` -> ``2025-03``); None for none."""
    return None if day is None else day[:7]


def month_of_day_or(zone: str, day: str | None, us: int | None) -> str | None:
    """The month of a local day, or of a moment where there is no day."""
    return month_of(zone, us) if day is None else day[:7]


def day_end(zone: str, day: str | None) -> int | None:
    """The last microsecond of a local day, until which what is due on it is in time; None for none."""
    return None if day is None else day_end_us(day, zone)


def period_text(first_month: int, every: str) -> str:
    """The name of a period; ``first_month`` counts months from year 0 (``year * 12 + month - 1``)."""
    year, month = divmod(first_month, 12)
    if every == "month":
        return f"{year:04d}-{month + 1:02d}"
    return f"{year:04d}-Q{month // 3 + 1}" if every == "quarter" else f"{year:04d}"


def last_day(first_month: int, every: str) -> dt.date:
    """The last day of the period that begins with ``first_month`` (as for ``period_text``)."""
    year, month = divmod(first_month + MONTHS_IN[every], 12)
    return dt.date(year, month + 1, 1) - dt.timedelta(days=1)


def first_month_of(day: dt.date, every: str) -> int:
    """The first month of the period that holds a day, counted from year 0."""
    months = day.year * 12 + day.month - 1
    return months - months % MONTHS_IN[every]
