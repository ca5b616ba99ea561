"""Local times as agencies write them, turned into moments with an offset.

Clock changes are why this is a module: twice a year an hour has two meanings or none, and a partnership that measures
minutes must know which rows those are instead of being handed a plausible answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from ops.importing.mapping import Times

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - beside timezone(offset) below
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A local time as read: ``text`` is RFC 3339 with the offset and ``us`` UTC microseconds, both None where the
    clock change leaves the moment undecided; ``wall`` is the local reading; ``clock`` names what the change did to
    it.
    """

    wall: str
    text: str | None
    us: int | None
    clock: Literal["ambiguous", "nonexistent"] | None


class LocalClock:
    """Reads the local times of one mapping; repeated readings of one text are remembered."""

    def __init__(self, zone: str, times: Times) -> None:
        self._zone = ZoneInfo(zone)
        self._times = times
        hour, minute, second = (int(part) for part in times.date_only_at.split(":"))
        self._date_only = timedelta(hours=hour, minutes=minute, seconds=second)
        self.read = lru_cache(maxsize=65_536)(self._read)

    def wall(self, text: str) -> datetime:
        """The local reading of a text. Raises ValueError naming the formats that were tried."""
        for form in self._times.formats:
            try:
                read = datetime.strptime(text, form)  # noqa: DTZ007 - a local reading has no offset yet
            except ValueError:
                continue
            date_alone = read.hour == read.minute == read.second == read.microsecond == 0
            return read + self._date_only if date_alone else read
        raise ValueError(f"{text!r} is not a local time of the form {' or '.join(self._times.formats)}")

    def _read(self, text: str) -> LocalTime:
        wall = self.wall(text)
        first = wall.replace(tzinfo=self._zone, fold=0).utcoffset()
        second = wall.replace(tzinfo=self._zone, fold=1).utcoffset()
        if first is None or second is None:  # a ZoneInfo always has an offset; this is for the type checker
            raise ValueError(f"{text!r} has no offset")
        spelled = wall.isoformat(sep=" ")
        if first == second:
            return self._at(spelled, wall, first, None)
        if first > second:  # clocks were put back: two passes, the first with the greater offset
            if self._times.ambiguous == "unknown":
                return LocalTime(spelled, None, None, "ambiguous")
            return self._at(spelled, wall, first if self._times.ambiguous == "earlier" else second, "ambiguous")
        if self._times.nonexistent == "unknown":
            return LocalTime(spelled, None, None, "nonexistent")
        return self._at(spelled, wall, first, "nonexistent")

    @staticmethod
    def _at(
        spelled: str, wall: datetime, offset: timedelta, clock: Literal["ambiguous", "nonexistent"] | None
    ) -> LocalTime:
        moment = wall.replace(tzinfo=timezone(offset))
        return LocalTime(spelled, moment.isoformat(), (moment - _EPOCH) // _MICROSECOND, clock)
