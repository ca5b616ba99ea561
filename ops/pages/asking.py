"""What a reader asks for in an address: as of when, and which figures.

A committee member picks a day from a calendar, a program sends an RFC 3339 moment or a log_index; all three end in one
``AsOf`` here, so that every page understands the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.faults import fault
from contracts.moments import day_end_us, format_us, local_day
from ops.pages.links import Links
from projections.kpi.shapes import AsOf

if TYPE_CHECKING:
    from ops.composition import House

SHOWN = ("latest", "running", "all")
"""Which cell of each KPI the scorecard gives: of the latest complete period, of the one now running, of all time."""

_MINUTE_US = 60_000_000
PAGE_ROWS = 50
"""Rows of one page of a list of events or rejections."""
RECOMPUTED_AT_ONCE = 25_000
"""Events behind a number up to which its page counts it again unasked: a fraction of a second."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One reading: its moment, the links that keep to it, and how it stands to now.

    ``past`` is set when the reader asked for an earlier moment; ``day`` is that local day, ``today`` the current one.
    """

    as_of: AsOf
    links: Links
    past: bool
    day: str
    today: str
    now_us: int


def asked(house: House, text: str) -> Asked:
    """What ``as_of=text`` means: nothing or today (now), a day (its end), a moment, or a log_index.

    Raises ``Fault`` code ``as_of_invalid``.
    """
    now_us = house.now_us()
    today = local_day(now_us, house.zone)
    text = text.strip()
    if not text or text == today:
        # A page states its moment to the minute, and so it is read at that minute: readers of one minute read the same.
        minute_us = now_us if house.settings.as_of_us is not None else now_us - now_us % _MINUTE_US
        return Asked(AsOf(minute_us), Links(), False, "", today, now_us)
    meant = text
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        if text > today:
            raise fault("as_of_invalid", f"{text} has not come yet; the latest day that can be read is {today}")
        try:
            meant = format_us(day_end_us(text, house.zone))
        except ValueError as error:
            raise fault("as_of_invalid", f"{text!r} is not a day") from error
    as_of = house.as_of(meant)
    return Asked(as_of, Links(text, meant), True, local_day(as_of.moment_us, house.zone), today, now_us)


def page_start(text: str) -> int:
    """The offset ``text`` names: a whole number from 0. Raises ``Fault`` code ``request_invalid``."""
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise fault("request_invalid", "the place in the list must be a whole number from 0")
    return int(text)
