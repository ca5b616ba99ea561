"""The two populations that have no table: which reports were expected, and how each KPI of the plan stood.

Both follow from a calendar and a moment of reading, which a fold of events must not know, so they are built
when they are counted, by pure functions of rows.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.kpi.definitions import Definition, Definitions
from projections.kpi.expectations import Feed, feeds
from projections.kpi.partners import Memberships, is_live
from projections.kpi.periods import (
    bounds_us,
    current,
    day_start_us,
    days_of,
    local_date,
    shift,
)
from projections.kpi.populations import Row, table_of
from projections.kpi.status import fresh_until_us, last_month, newest


@dataclass(frozen=True, slots=True)
class Built:
    """Rows of a built population, and the earliest later moment at which the calendar may change them."""

    rows: list[Row]
    next_change_us: int | None


def expected_reports(connection: Connection, as_of_us: int, zone: str, months: Collection[str] | None = None) -> Built:
    """One row for every report expected by a moment: of all months, or of those in which its period ends.

    ``due_at`` is the first moment after the last day of grace; ``received`` whether the ledger holds any statement
    of the family by the agency about the period; ``on_time`` whether the first one was recorded before ``due_at``.
    """
    today = local_date(as_of_us, zone)
    wanted: list[tuple[Feed, str, date, date]] = []
    changes: list[int] = []
    for feed in feeds(connection, zone):
        for name, first, last in feed.periods(today):
            if months is None or f"{last:%Y-%m}" in months:
                wanted.append((feed, name, first, last))
                changes.append(feed.due_us(last, zone))
    changes.append(day_start_us(today + timedelta(days=1), zone))
    received = _received(connection, wanted)
    rows: list[Row] = []
    for feed, name, first, last in wanted:
        days, moments = received.get((feed.agency, feed.feed), ([], []))
        inside = moments[bisect.bisect_left(days, first.isoformat()) : bisect.bisect_right(days, last.isoformat())]
        due = feed.due_us(last, zone)
        at = min(inside, default=None)
        rows.append(
            {
                "key": f"{feed.agency}/{feed.feed}/{name}",
                "agency": feed.agency,
                "feed": feed.feed,
                "period": name,
                "first_day": first.isoformat(),
                "last_day": last.isoformat(),
                "month": f"{last:%Y-%m}",
                "due_at": due,
                "received": int(at is not None),
                "received_at": at,
                "on_time": int(at is not None and at < due),
            }
        )
    return Built(rows, min((moment for moment in changes if moment > as_of_us), default=None))


def ends_us(row: Row, zone: str) -> tuple[int, int]:
    """[start, end) of the days an expected report covers."""
    first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
    return day_start_us(first, zone), day_start_us(last + timedelta(days=1), zone)


def _received(
    connection: Connection, wanted: Iterable[tuple[Feed, str, date, date]]
) -> dict[tuple[str, str], tuple[list[str], list[int]]]:
    """Days and first moments of what arrived, by agency and family, ordered by day."""
    ends: dict[tuple[str, str], tuple[date, date]] = {}
    for feed, _, first, last in wanted:
        low, high = ends.get((feed.agency, feed.feed), (first, last))
        ends[feed.agency, feed.feed] = (min(low, first), max(high, last))
    reports = table_of("reports")
    found = {}
    for (agency, family), (low, high) in ends.items():
        # The key begins with agency and family, so its range is what makes this an indexed read.
        query = (
            select(reports.c.day, reports.c.first_recorded_at)
            .where(reports.c.key >= f"{agency}/{family}/{low}", reports.c.key <= f"{agency}/{family}/{high}")
            .where(reports.c.agency == agency, reports.c.family == family)
            .order_by(reports.c.day)
        )
        pairs = connection.execute(query).all()
        found[agency, family] = ([day for day, _ in pairs], [moment for _, moment in pairs])
    return found


def silent_feeds(connection: Connection, as_of_us: int, zone: str) -> list[tuple[str, str, int]]:
    """(agency, family, due) of every expectation whose latest report that has fallen due is missing.

    Of an agency that has left and not come back nothing is expected any more. What came about a later period is no
    report about this one.
    """
    today = local_date(as_of_us, zone)
    latest_due: dict[tuple[str, str], tuple[date, date, int]] = {}
    reports = table_of("reports")
    for feed in feeds(connection, zone):
        if feed.left(today):
            continue
        for _, first, last in feed.periods(today):
            due = feed.due_us(last, zone)
            if due > as_of_us:
                break
            latest_due[feed.agency, feed.feed] = (first, last, due)
    found = []
    for (agency, family), (first, last, due) in latest_due.items():
        prefix = f"{agency}/{family}/"
        heard = connection.execute(
            select(reports.c.day)
            .where(reports.c.key >= f"{prefix}{first}", reports.c.key <= f"{prefix}{last}")
            .where(reports.c.agency == agency, reports.c.family == family)
            .where(reports.c.first_recorded_at <= as_of_us)
            .limit(1)
        ).first()
        if heard is None:
            found.append((agency, family, due))
    return found


def kpi_status(
    definitions: Definitions,
    valued: Mapping[tuple[str, int], Collection[str]],
    partners: Memberships,
    as_of_us: int,
    zone: str,
) -> Built:
    """One row for every KPI of a plan and month in which it was active, judged at the month's end or at the
    reading.

    ``valued`` are the months (or reported periods) in which each version has a value. ``value_current``
    says whether the newest of them was current at the moment of judgement. A KPI about the KPIs themselves
    is left out.
    """
    rows: list[Row] = []
    this_month = current(as_of_us, zone, "month")
    changes: list[int] = []
    planned = [d for d in definitions if d.plan is not None and d.body.population != "kpi_status"]
    for kpi in sorted({definition.body.kpi for definition in planned}):
        versions = [definition for definition in planned if definition.body.kpi == kpi]
        for month in _months_from(versions, this_month):
            ends = bounds_us(month, zone)
            assert ends is not None
            judged = min(ends[1], as_of_us)
            definition = _in_force(versions, judged, month, zone)
            if definition is None:
                continue
            periods = [p for p in valued.get(definition.key, ()) if last_month(p) <= month]
            last = newest(periods, "all")
            until = None if last is None else fresh_until_us(last, definition.body.freshness, zone)
            changes.extend(() if until is None else (until + 1,))
            rows.append(
                {
                    "key": f"{kpi}#{definition.body.version}/{month}",
                    "kpi": kpi,
                    "version": definition.body.version,
                    "month": month,
                    "owner": definition.owner,
                    "owner_live": int(is_live(definition.owner, partners, judged)),
                    "value_current": int(until is not None and judged <= until),
                    "period": last,
                }
            )
    following = bounds_us(this_month, zone)
    assert following is not None
    changes.append(following[1])
    changes.extend(at for partner in partners.values() for at in partner.changes())
    day = local_date(as_of_us, zone)
    changes.append(day_start_us(day + timedelta(days=1), zone))
    return Built(rows, min((moment for moment in changes if moment > as_of_us), default=None))


def _months_from(versions: list[Definition], this_month: str) -> Iterator[str]:
    starts = [d.effective_from[:7] for d in versions if d.effective_from is not None]
    month = min(starts, default=this_month)
    while month <= this_month:
        yield month
        month = shift(month, 1)


def _in_force(versions: list[Definition], judged_us: int, month: str, zone: str) -> Definition | None:
    """The highest version in effect at the moment of judgement and not retired by then."""
    days = days_of(month)
    assert days is not None
    day = min(days[1], local_date(judged_us, zone)).isoformat()

    def active(definition: Definition) -> bool:
        return definition.in_effect(day) and not definition.retired_by(judged_us)

    return next((d for d in sorted(versions, key=lambda d: -d.body.version) if active(d)), None)
