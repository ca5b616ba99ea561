"""Writes the demonstration's events as the bytes an agency's system would send, each with the moment it arrives.

One place turns facts into bytes, so that lateness and mishaps happen to every story alike, and generation stays lean:
one dict, one serialisation, one tuple an event.
"""

from __future__ import annotations

from bisect import bisect
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any, Final

import orjson

from ops.demo import cast
from ops.demo.cast import DAY_US, END_US, HOUR_US, START_US, Voice
from ops.demo.mishaps import Mishaps

_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAG_DAYS: Final = ((0, 0.4), (1, 3.4), (4, 6.4), (7, 10.4), (11, 89.0))
"""The least and greatest lag of each class, in days."""
_SILENT_US: Final = int(datetime.combine(cast.SILENT_FROM, datetime.min.time(), UTC).timestamp()) * cast.SECOND_US
_MISHAP_SHARE: Final = 0.016


def stamp(us: int) -> str:
    """A moment as text, in UTC to the second; a fraction is cut off."""
    day, second = divmod(us // cast.SECOND_US, 86_400)
    minute, second = divmod(second, 60)
    return f"{_day(day)}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}Z"


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return date.fromordinal(_EPOCH + number).isoformat()


class Pen:
    """Collects ``(arrival_us, bytes)``; ``arrivals`` holds them in the order of writing."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lags = {voice.agency: list(accumulate(voice.lag_weights)) for voice in (*cast.AGENCIES, cast.SECRETARIAT)}
        self._mishaps = Mishaps(random)
        self.arrivals: list[tuple[int, bytes]] = []

    def identity(self, moment_us: int) -> str:
        """A time-ordered id in the form of a UUID version 7 (RFC 9562) from the seeded generator: a ledger keeps the
        key of such ids nearly in order, which is what makes it fast.
        """
        bits = self._random.getrandbits(74)
        text = f"{moment_us // 1000:012x}7{bits >> 62:03x}{8 | (bits >> 60) & 3:x}{bits & ((1 << 60) - 1):015x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def tell(
        self,
        voice: Voice,
        type_name: str,
        subject: str,
        moment_us: int,
        data: dict[str, Any],
        *,
        lag_us: int | None = None,
        careful: bool = False,
    ) -> None:
        """An agency tells a fact. It arrives ``lag_us`` later (drawn from the agency's habits unless given); what
        would arrive after the end, or is told by the silent agency after it fell silent, is not in the stream.
        ``careful`` keeps mishaps away.
        """
        arrival_us = moment_us + (self._lag(voice, moment_us) if lag_us is None else lag_us)
        last_us = _SILENT_US if voice.agency == cast.SILENT_AGENCY else END_US
        if arrival_us >= last_us:
            return
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.identity(moment_us),
            "source": voice.source,
            "type": f"org.tallystick.{type_name}.v1",
            "subject": subject,
            "time": stamp(moment_us),
            "agency": voice.agency,
            "data": data,
        }
        if careful or self._random.random() >= _MISHAP_SHARE:
            self.arrivals.append((arrival_us, orjson.dumps(event)))
            return
        for later_us, body in self._mishaps.befall(event, self.identity):
            if arrival_us + later_us < last_us:
                self.arrivals.append((arrival_us + later_us, body))

    def _lag(self, voice: Voice, moment_us: int) -> int:
        """Microseconds from the event to its arrival."""
        draw = self._random.random()
        weights = self._lags[voice.agency]
        kind = min(bisect(weights, draw), 4)
        if kind > 0:
            progress = (moment_us - START_US) / (END_US - START_US)
            if self._random.random() < voice.improves * progress:
                kind = 0
        least, greatest = _LAG_DAYS[kind]
        lag = least * DAY_US + int(self._random.random() * (greatest - least) * DAY_US)
        return lag if kind else lag // 2 + HOUR_US // 6
