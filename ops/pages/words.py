"""Numbers, moments, periods and statuses in the words a committee member reads.

Every page, chart and table phrases a figure through this module, so that the same figure is never written in two ways.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from projections.kpi.shapes import Cell, CellStatus

NO_VALUE = "No value"
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class StatusWords:
    """How one status is named: ``label`` on a badge, ``meaning`` in a sentence, ``mark`` the id of its shape."""

    status: CellStatus
    label: str
    meaning: str


STATUS_WORDS: dict[str, StatusWords] = {
    words.status: words
    for words in (
        StatusWords("off_track", "Off track", "misses its target by more than the agreed margin"),
        StatusWords("watch", "Watch", "misses its target, within the agreed margin"),
        StatusWords("on_track", "On track", "meets its target"),
        StatusWords("stale", "Stale", "too old to be shown as current"),
        StatusWords("no_data", "No data", "nothing has been reported that could be counted"),
        StatusWords("unowned", "Unowned", "nobody in the partnership answers for it"),
        StatusWords("no_target", "No target", "is followed, but no target has been agreed"),
    )
}
"""In the order in which a reader should look: what needs attention first."""


def number_words(value: Decimal | int | float | None) -> str:
    """A number with thousands separators and the digits it carries; "–" for none."""
    if value is None:
        return "–"
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def value_words(value: Decimal | int | float | None, unit: str) -> str:
    """A value with its unit: ``80.1%``, ``12.5 percentage points``, ``3 per 1,000``, ``1 day``, ``1,204``."""
    if value is None:
        return NO_VALUE
    text = number_words(value)
    if unit == "percent":
        return f"{text}%"
    if unit == "points":
        return f"{text} percentage point{'' if value == 1 else 's'}"
    if unit == "per_1000":
        return f"{text} per 1,000"
    if unit in ("minutes", "days", "months"):
        return f"{text} {unit[:-1] if value == 1 else unit}"
    return text


def target_words(target: Decimal | None, unit: str, direction: str) -> str:
    """A target as a promise: ``75% or more``, ``20 minutes or less``."""
    if target is None:
        return "none agreed"
    ending = {"up": " or more", "down": " or less"}.get(direction, "")
    return f"{value_words(target, unit)}{ending}" if target or direction != "down" else value_words(target, unit)


def direction_words(direction: str) -> str:
    """Which way is good, as a sentence."""
    return {"up": "Higher is better.", "down": "Lower is better."}.get(direction, "Neither direction is better.")


def reason_words(reason: str) -> str:
    """A machine-readable reason or name as words: ``arrived_before_request`` → ``arrived before request``."""
    return reason.replace("_", " ")


def title_words(name: str) -> str:
    """A machine-readable name with a capital: ``got_help`` → ``Got help``."""
    words = reason_words(name)
    return words[:1].upper() + words[1:]


def period_words(period: str) -> str:
    """``2025-03`` → March 2025, ``2025-Q1`` → January–March 2025, ``2025`` → 2025, ``all`` → All time."""
    if period == "all":
        return "All time"
    month = re.fullmatch(r"(\d{4})-(\d{2})", period)
    if month and 1 <= int(month[2]) <= 12:
        return f"{calendar.month_name[int(month[2])]} {month[1]}"
    quarter = re.fullmatch(r"(\d{4})-Q([1-4])", period)
    if quarter:
        first = 3 * int(quarter[2]) - 2
        return f"{calendar.month_name[first]}\N{EN DASH}{calendar.month_name[first + 2]} {quarter[1]}"
    return period


def period_short(period: str) -> str:
    """The same for a chart's axis: ``Mar 2025``, ``Q1 2025``, ``2025``."""
    month = re.fullmatch(r"(\d{4})-(\d{2})", period)
    if month and 1 <= int(month[2]) <= 12:
        return f"{calendar.month_abbr[int(month[2])]} {month[1]}"
    quarter = re.fullmatch(r"(\d{4})-Q([1-4])", period)
    return f"Q{quarter[2]} {quarter[1]}" if quarter else period_words(period)


def group_words(group: str) -> str:
    """``all`` → Whole partnership, ``agency:North Clinic`` → North Clinic, ``eligibility:x`` → Eligibility: x."""
    if group == "all":
        return "Whole partnership"
    dimension, _, name = group.partition(":")
    if dimension == "agency":
        return name
    return f"{title_words(dimension)}: {reason_words(name)}" if name else title_words(dimension)


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local(moment_us: int, zone: str) -> datetime:
    """A moment (UTC microseconds) on the partnership's clock."""
    seconds, micros = divmod(moment_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).astimezone(_zone(zone))


def day_words(moment_us: int | None, zone: str) -> str:
    """``3 March 2025``; "unknown" for none."""
    if moment_us is None:
        return "unknown"
    at = local(moment_us, zone)
    return f"{at.day} {calendar.month_name[at.month]} {at.year}"


def moment_words(moment_us: int | None, zone: str) -> str:
    """``3 March 2025, 14:05 PST``; "moment not known" for none."""
    if moment_us is None:
        return "moment not known"
    at = local(moment_us, zone)
    return f"{day_words(moment_us, zone)}, {at:%H:%M} {at.tzname()}"


def stamp_words(moment_us: int | None, zone: str) -> str:
    """``3 Mar 2025, 14:05`` for a table, whose page names the time zone; "not known" for none."""
    if moment_us is None:
        return "not known"
    at = local(moment_us, zone)
    return f"{at.day} {calendar.month_abbr[at.month]} {at.year}, {at:%H:%M}"


def age_words(moment_us: int | None, now_us: int) -> str:
    """How long ago: ``today``, ``yesterday``, ``12 days ago``, ``5 months ago``, ``2 years ago``; "never" for none."""
    if moment_us is None:
        return "never"
    days = (now_us - moment_us) // _DAY_US
    if days < 0:
        return "in the future"
    if days == 0:
        return "within a day"
    if days < 60:
        return "1 day ago" if days == 1 else f"{days} days ago"
    if days < 730:
        return f"{days // 30} months ago"
    return f"{days // 365} years ago"


def count_words(n: int, one: str, many: str | None = None) -> str:
    """``1 event``, ``2,000 events``."""
    return f"{number_words(n)} {one if n == 1 else many or one + 's'}"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def fraction_words(cell: Cell) -> str:
    """``3,750 of 4,682``; ``4,682`` where the measure has no numerator, "" where it counts nothing."""
    if cell.denominator is None:
        return ""
    if cell.numerator is None:
        return number_words(cell.denominator)
    return f"{number_words(cell.numerator)} of {number_words(cell.denominator)}"


def iso_day_words(day: str) -> str:
    """``2025-03-01`` → 1 March 2025."""
    year, month, number = (int(part) for part in day.split("-"))
    return f"{number} {calendar.month_name[month]} {year}"
