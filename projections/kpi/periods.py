"""Reporting periods: months, quarters, years and "all", in the partnership's time zone.

A period is a short text that sorts and reads well: ``2025-03``, ``2025-Q1``, ``2025``, ``all``. Every other
module asks here what a period contains, when it begins and ends, and which one a moment falls in.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.faults import fault
from contracts.limits import YEAR_MAX, YEAR_MIN

Grain = Literal["month", "quarter", "year"]
ALL = "all"
UNDATED = ""
"""How a month is written in the partials where a row has none: it counts in "all" and nowhere else."""

# No \d: it takes the digits of every script, and a period is a name that is compared by its bytes.
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
_YEAR = re.compile(r"([0-9]{4})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000


@lru_cache(maxsize=4096)
def span(period: str) -> tuple[int, int] | None:
    """First and last month of a period as months since year 0; None for "all" and for what is no period."""
    if match := _MONTH.fullmatch(period):
        month = int(match[1]) * 12 + int(match[2]) - 1
        return month, month
    if match := _QUARTER.fullmatch(period):
        month = int(match[1]) * 12 + (int(match[2]) - 1) * 3
        return month, month + 2
    if match := _YEAR.fullmatch(period):
        month = int(match[1]) * 12
        return month, month + 11
    return None


def is_period(text: str) -> bool:
    """Whether ``text`` is a period, "all" included."""
    return text == ALL or span(text) is not None


def may_be_asked(text: str) -> bool:
    """Whether ``text`` is a period in which something can have been recorded: one of the years that events may name.

    Events near the ends of those years may fall into the local month beside them, so ``is_period`` knows more.
    """
    ends = span(text)
    return text == ALL or (ends is not None and YEAR_MIN <= ends[0] // 12 <= YEAR_MAX)


def known_period(text: str) -> str:
    """``text`` itself, where it is a period that may be asked about. Raises the fault ``period_invalid``."""
    if not may_be_asked(text):
        raise fault("period_invalid", f"{text[:50]!r} is not a period")
    return text


def grain_of(period: str) -> Literal["month", "quarter", "year", "all"]:
    """The grain of a period. Raises ValueError on what is none."""
    if period == ALL:
        return "all"
    ends = span(period)
    if ends is None:
        raise ValueError(f"{period!r} is not a period; write 2025-03, 2025-Q1, 2025 or all")
    length = ends[1] - ends[0]
    return "month" if length == 0 else "quarter" if length == 2 else "year"


def _name(first: int, grain: Grain) -> str:
    year, month = divmod(first, 12)
    if grain == "month":
        return f"{year:04d}-{month + 1:02d}"
    return f"{year:04d}-Q{month // 3 + 1}" if grain == "quarter" else f"{year:04d}"


def at_grain(month: str, grain: Grain) -> str:
    """The period of this grain that contains ``month``."""
    ends = span(month)
    if ends is None:
        raise ValueError(f"{month!r} is not a month")
    first = ends[0]
    if grain == "quarter":
        first -= first % 3
    elif grain == "year":
        first -= first % 12
    return _name(first, grain)


def containing(month: str) -> tuple[str, ...]:
    """Every period a row of this month counts in; an undated row (``""``) counts in "all" only."""
    if month == UNDATED:
        return (ALL,)
    if span(month) is None:
        return ()
    return month, at_grain(month, "quarter"), at_grain(month, "year"), ALL


def months_of(period: str) -> tuple[str, ...]:
    """The months a period contains, in order; none for "all", which has no ends."""
    ends = span(period)
    return () if ends is None else tuple(_name(month, "month") for month in range(ends[0], ends[1] + 1))


def shift(period: str, by: int) -> str:
    """The period of the same grain ``by`` periods later (earlier where negative); "all" stays."""
    ends = span(period)
    if ends is None:
        return period
    length = ends[1] - ends[0] + 1
    grain = grain_of(period)
    assert grain != "all"
    return _name(ends[0] + by * length, grain)


def previous(period: str, count: int) -> tuple[str, ...]:
    """The ``count`` periods ending with ``period``, oldest first."""
    return tuple(shift(period, -back) for back in range(count - 1, -1, -1))


@lru_cache(maxsize=16)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name, read once."""
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def day_start_us(day: date, zone: str) -> int:
    """The moment at which a local day begins (its first midnight, or what stands for it)."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone_of(zone))
    return round((local.astimezone(UTC) - _EPOCH) / timedelta(microseconds=1))


def days_of(period: str) -> tuple[date, date] | None:
    """First and last day of a period; None for "all"."""
    ends = span(period)
    if ends is None:
        return None
    year, month = divmod(ends[1], 12)
    last = date(year, month + 1, calendar.monthrange(year, month + 1)[1])
    return date(ends[0] // 12, ends[0] % 12 + 1, 1), last


def bounds_us(period: str, zone: str) -> tuple[int, int] | None:
    """[start, end) of a period as UTC microseconds; None for "all"."""
    days = days_of(period)
    if days is None:
        return None
    return day_start_us(days[0], zone), day_start_us(days[1] + timedelta(days=1), zone)


def local_date(moment_us: int, zone: str) -> date:
    """The local day of a moment."""
    return (_EPOCH + timedelta(microseconds=moment_us)).astimezone(zone_of(zone)).date()


def current(moment_us: int, zone: str, grain: Grain) -> str:
    """The period of this grain in which a moment falls."""
    day = local_date(moment_us, zone)
    return at_grain(f"{day.year:04d}-{day.month:02d}", grain)


def latest_complete(moment_us: int, zone: str, grain: Grain) -> str:
    """The last period of this grain that had ended by a moment."""
    return shift(current(moment_us, zone, grain), -1)


def label(period: str) -> str:
    """How a period is written for people: March 2025, Q1 2025, 2025, all time."""
    if match := _MONTH.fullmatch(period):
        return f"{calendar.month_name[int(match[2])]} {match[1]}"
    if match := _QUARTER.fullmatch(period):
        return f"Q{match[2]} {match[1]}"
    return "all time" if period == ALL else period
