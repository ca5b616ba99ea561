"""Every feed as of a moment: what fell due, what came, and which KPIs are stale without it.

Here so that the page, the interface and the command tell the same of a feed, by the rules by which K37 counts it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from sqlalchemy.engine import Connection

from contracts.moments import format_us
from projections.kpi import Definitions
from projections.kpi.built import expected_reports
from projections.kpi.expectations import Feed, feeds
from projections.kpi.periods import local_date

FeedStatus = Literal["silent", "late", "on_time", "waiting", "ended"]
FEED_STATES: tuple[FeedStatus, ...] = get_args(FeedStatus)
"""In the order in which a reader should look: the latest report due is missing, came late, came in time; none has
fallen due yet; the agency has left and nothing is expected any more."""


@dataclass(frozen=True, slots=True)
class Report:
    """One expected report: its period, from when on it is late, when the first statement about the period was recorded,
    and whether that was before."""

    period: str
    due_us: int
    received_us: int | None
    on_time: bool

    def to_json(self) -> dict[str, Any]:
        """The published shape; moments are RFC 3339 in UTC."""
        return {
            "period": self.period,
            "due": format_us(self.due_us),
            "received": None if self.received_us is None else format_us(self.received_us),
            "on_time": self.on_time,
        }


@dataclass(frozen=True, slots=True)
class FeedState:
    """One agency's feed.

    ``due``, ``received`` and ``on_time`` count the reports that have fallen due; ``latest`` is the last of them and
    ``next`` the first that has not; ``kpis`` are those of the plans that live on the feed.
    """

    agency: str
    feed: str
    status: FeedStatus
    cadence: str
    grace_days: int
    due: int
    received: int
    on_time: int
    missing: int
    latest: Report | None
    next: Report | None
    kpis: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "agency": self.agency,
            "feed": self.feed,
            "status": self.status,
            "cadence": self.cadence,
            "grace_days": self.grace_days,
            "due": self.due,
            "received": self.received,
            "on_time": self.on_time,
            "missing": self.missing,
            "latest": None if self.latest is None else self.latest.to_json(),
            "next": None if self.next is None else self.next.to_json(),
            "kpis": list(self.kpis),
        }


def feed_states(connection: Connection, as_of_us: int, zone: str, *, agency: str = "") -> list[FeedState]:
    """Every feed that is or was expected, the silent ones first.

    A report is judged once it has fallen due: at the end of its last day of grace. One that came after the moment of
    reading has not come yet.
    """
    by_feed: dict[tuple[str, str], list[Report]] = defaultdict(list)
    for row in expected_reports(connection, as_of_us, zone).rows:
        by_feed[row["agency"], row["feed"]].append(_report(row, as_of_us))
    standing: dict[tuple[str, str], Feed] = {(feed.agency, feed.feed): feed for feed in feeds(connection, zone)}
    served = _served(connection)
    found = [
        _state(feed, by_feed.get(key, ()), as_of_us, zone, served)
        for key, feed in standing.items()
        if not agency or feed.agency == agency
    ]
    return sorted(found, key=lambda one: (FEED_STATES.index(one.status), one.agency, one.feed))


def reports_of(connection: Connection, as_of_us: int, zone: str, agency: str, feed: str) -> list[Report]:
    """Every report expected of one feed by a moment, the latest first."""
    rows = expected_reports(connection, as_of_us, zone).rows
    found = [_report(row, as_of_us) for row in rows if (row["agency"], row["feed"]) == (agency, feed)]
    return sorted(found, key=lambda one: (-one.due_us, one.period))


def _report(row: Mapping[str, Any], as_of_us: int) -> Report:
    came = row["received_at"]
    if came is not None and came > as_of_us:
        came = None
    return Report(row["period"], row["due_at"], came, came is not None and bool(row["on_time"]))


def _state(
    feed: Feed, reports: Sequence[Report], as_of_us: int, zone: str, served: Mapping[str, tuple[str, ...]]
) -> FeedState:
    ordered = sorted(reports, key=lambda one: (one.due_us, one.period))
    due = [one for one in ordered if one.due_us <= as_of_us]
    coming = [one for one in ordered if one.due_us > as_of_us]
    latest = due[-1] if due else None
    received = [one for one in due if one.received_us is not None]
    return FeedState(
        feed.agency,
        feed.feed,
        _status(feed, latest, local_date(as_of_us, zone)),
        feed.cadence,
        feed.grace_days,
        len(due),
        len(received),
        sum(one.on_time for one in due),
        len(due) - len(received),
        latest,
        coming[0] if coming else None,
        served.get(feed.feed, ()),
    )


def _status(feed: Feed, latest: Report | None, today: date) -> FeedStatus:
    if feed.left(today):
        return "ended"
    if latest is None:
        return "waiting"
    if latest.received_us is None:
        return "silent"
    return "on_time" if latest.on_time else "late"


def _served(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Feed -> the KPIs of any plan that say they live on it."""
    found: dict[str, set[str]] = defaultdict(set)
    for definition in Definitions.load(connection):
        if definition.plan is not None and not definition.retired and definition.problem is None:
            for feed in definition.body.freshness.feeds:
                found[feed].add(definition.body.kpi)
    return {feed: tuple(sorted(kpis)) for feed, kpis in found.items()}
