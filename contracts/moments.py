"""Moments: RFC 3339 text to UTC microseconds and back, and the local day and month a moment falls in.

Everything in the house keeps time as an int of UTC microseconds since the Unix epoch; this is the one place
where text and time zones come in.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from contracts.faults import fault
from contracts.limits import FRACTION_DIGITS_MAX

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)

# Portable between Rust regex, Python re and ECMA 262: no shorthand classes, which differ on non-ASCII digits.
DATE_PATTERN: Final = r"^(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
MOMENT_PATTERN: Final = (
    r"^(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    rf"(?:\.[0-9]{{1,{FRACTION_DIGITS_MAX}}})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
_is_moment = re.compile(MOMENT_PATTERN.removesuffix("$")).fullmatch
_is_date = re.compile(DATE_PATTERN.removesuffix("$")).fullmatch


def read_us(text: str) -> int:
    """UTC microseconds since the Unix epoch of an RFC 3339 date-time with an offset.

    Digits beyond the microsecond are cut off. Leap seconds (``:60``) are refused, since UTC microseconds
    cannot hold them. Raises ValueError with a sentence for the sender.
    """
    if _is_moment(text) is None:
        raise ValueError("not an RFC 3339 date-time with an offset, such as 2025-03-01T10:00:00-08:00")
    # fromisoformat reads the capital letters only.
    since = datetime.fromisoformat(text.upper()) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds


parse_us: Final = lru_cache(maxsize=1024)(read_us)
"""As ``read_us``, remembering the last thousand: for moments that are read again, by a fold or after a validator."""


def format_us(us: int) -> str:
    """RFC 3339 in UTC: ``2025-03-01T10:00:00Z``, with six digits of fraction where there is one."""
    moment = _EPOCH + timedelta(microseconds=us)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def parse_date(text: str) -> date:
    """A calendar date ``YYYY-MM-DD``. Raises ValueError with a sentence for the sender."""
    if _is_date(text) is None:
        raise ValueError("not a date such as 2025-03-01")
    return date.fromisoformat(text)


@lru_cache(maxsize=64)
def time_zone(name: str) -> ZoneInfo:
    """The IANA time zone ``name``. Raises the fault ``zone_unknown``."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise fault("zone_unknown", f"{name!r} is not a time zone", zone=name) from error


@lru_cache(maxsize=131_072)
def steady_offset_us(zone: str, utc_day: int) -> int | None:
    """The zone's offset during a whole UTC day, or None where it changes within the day."""
    tz = time_zone(zone)
    start = _EPOCH + timedelta(days=utc_day)
    # Three looks: a zone that changes there and back within a day is not known since 1970, but a look at noon
    # is cheap.
    offsets = {
        (start + step).astimezone(tz).utcoffset()
        for step in (timedelta(0), timedelta(hours=12), timedelta(days=1) - _MICROSECOND)
    }
    if len(offsets) > 1:
        return None
    offset = offsets.pop()
    assert offset is not None
    return offset // _MICROSECOND


@lru_cache(maxsize=131_072)
def day_text(epoch_day: int) -> str:
    """The calendar day, ``2025-03-01``, that is so many days after 1970-01-01."""
    return date.fromordinal(_EPOCH_ORDINAL + epoch_day).isoformat()


def local_epoch_day(us: int, zone: str) -> int:
    """Days since 1970-01-01 of the local calendar day in which the moment falls."""
    offset_us = steady_offset_us(zone, us // DAY_US)
    if offset_us is None:
        local = (_EPOCH + timedelta(microseconds=us)).astimezone(time_zone(zone))
        return local.toordinal() - _EPOCH_ORDINAL
    return (us + offset_us) // DAY_US


def local_day(us: int, zone: str) -> str:
    """The local calendar day, ``2025-03-01``, of a moment in an IANA time zone."""
    return day_text(local_epoch_day(us, zone))


def local_month(us: int, zone: str) -> str:
    """The local calendar month, ``2025-03``, of a moment in an IANA time zone."""
    return day_text(local_epoch_day(us, zone))[:7]


@lru_cache(maxsize=16_384)
def day_start_us(day: str, zone: str) -> int:
    """The first moment of a local calendar day; the day ends where the next one starts.

    A midnight skipped by a clock change starts the day at the moment of the change.
    """
    start = datetime.combine(parse_date(day), datetime.min.time())
    return _wall_us(start, zone)


@lru_cache(maxsize=16_384)
def day_end_us(day: str, zone: str) -> int:
    """The last microsecond of a local calendar day: the end of a due day."""
    following = datetime.combine(parse_date(day) + timedelta(days=1), datetime.min.time())
    return _wall_us(following, zone) - 1


def _wall_us(wall: datetime, zone: str) -> int:
    return (wall.replace(tzinfo=time_zone(zone)).astimezone(UTC) - _EPOCH) // _MICROSECOND
