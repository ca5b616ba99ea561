"""Which reports are expected of whom: each expectation from its first day until the next one replaces it.

Here because silence can only be noticed against an expectation, and because a new cadence says nothing about the
months in which the old one held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.kpi.partners import Membership, memberships
from projections.kpi.periods import Grain, at_grain, day_start_us, days_of, local_date, shift
from projections.kpi.populations import table_of

GRAINS: dict[str, Grain] = {"monthly": "month", "quarterly": "quarter", "yearly": "year"}
REPORTS_MAX = 40_000
"""The most reports one expectation leads to (a century of days); a guard against a ``since`` in
antiquity."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One expectation, which holds from ``since`` until the day before ``until`` (None where no other follows it).

    ``absences`` are the days on which the agency withdrew and came back (None where it has not).
    """

    agency: str
    feed: str
    cadence: str
    grace_days: int
    since: date
    until: date | None = None
    absences: tuple[tuple[date, date | None], ...] = ()

    def periods(self, today: date) -> Iterator[tuple[str, date, date]]:
        """(name, first day, last day) of every whole period that has begun by ``today``, oldest first.

        Weeks run from Monday to Sunday (ISO 8601). A period that the expectation or the agency's withdrawal
        cuts is not expected, nor is one in which it was away.
        """
        for number, (name, first, last) in enumerate(_calendar(self.cadence, self.since)):
            if first > today or number >= REPORTS_MAX or (self.until is not None and last >= self.until):
                return
            if not any(last > left and (back is None or first < back) for left, back in self.absences):
                yield name, first, last

    def left(self, today: date) -> bool:
        """Whether the agency has withdrawn by a day and not come back since."""
        return any(gone <= today and (back is None or back > today) for gone, back in self.absences)

    def due_us(self, last: date, zone: str) -> int:
        """From when on the report for a period that ends with ``last`` is late: the first moment after the last day of
        grace."""
        return day_start_us(last + timedelta(days=1 + self.grace_days), zone)


def _calendar(cadence: str, since: date) -> Iterator[tuple[str, date, date]]:
    if cadence in ("daily", "weekly"):
        step = timedelta(days=1 if cadence == "daily" else 7)
        first = since if cadence == "daily" else since + timedelta(days=-since.weekday() % 7)
        while True:
            yield first.isoformat(), first, first + step - timedelta(days=1)
            first += step
    period = at_grain(f"{since.year:04d}-{since.month:02d}", GRAINS[cadence])
    while True:
        days = days_of(period)
        assert days is not None
        if days[0] >= since:
            yield period, days[0], days[1]
        period = shift(period, 1)


def feeds(connection: Connection, zone: str) -> list[Feed]:
    """Every expectation by agency, feed and first day; each holds until the next one about the same feed.

    One that is not dated at all expects nothing, nor does one of an agency whose withdrawal is not dated. Of two that
    begin on one day the later stated stands. An agency that was expected to report before it joined is held to it.
    """
    partners = memberships(connection)
    found = []
    for row in connection.execute(select(table_of("expected_feeds"))).mappings():
        partner = partners.get(row["agency"], Membership())
        if row["agency"] is None or partner.left_undated:
            continue
        absences = tuple(
            (local_date(left, zone), None if back is None else local_date(back, zone))
            for left, back in partner.absences()
        )
        stated = _in_turn(row["expectations"], zone)
        ends: list[date | None] = [since for since, _ in stated[1:]]
        for (since, entry), until in zip(stated, [*ends, None], strict=False):
            cadence, grace = entry["cadence"], entry["grace_days"] or 0
            found.append(Feed(row["agency"], row["feed"], cadence, grace, since, until, absences))
    return sorted(found, key=lambda feed: (feed.agency, feed.feed, feed.since))


def _in_turn(collected: Any, zone: str) -> list[tuple[date, Mapping[str, Any]]]:
    """(first day, expectation) in order, one a day."""
    by_day: dict[date, Mapping[str, Any]] = {}
    entries = [] if collected is None else orjson.loads(collected)
    for entry in sorted(entries, key=lambda e: (e["time"] is not None, e["time"] or 0, e["source"], e["id"])):
        if entry["since"] is not None:
            by_day[date.fromisoformat(entry["since"])] = entry
        elif entry["time"] is not None:
            by_day[local_date(entry["time"], zone)] = entry
    return sorted(by_day.items())
