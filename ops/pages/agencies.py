"""What the agency pages show: what each agency sent, how promptly, what is missing, and what it owes.

An agency's data steward and the committee read the same page, so that a gap is noticed by both at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from contracts.faults import fault
from ops.pages import words
from ops.pages.asking import Asked
from ops.pages.obligations import line
from ops.pages.record import rejection_counts
from ops.pages.remembering import Scorecards
from projections.kpi.built import expected_reports
from projections.kpi.periods import current, previous
from projections.kpi.rounding import share_of
from projections.obligations import asking, survey
from projections.tables import ENTRIES, REPORTS, TABLES

if TYPE_CHECKING:
    from ops.composition import House

Figures = dict[str, Any]

BUCKETS = {
    "0": "The same day",
    "1-3": "1 to 3",
    "4-6": "4 to 6",
    "7-10": "7 to 10",
    "11+": "11 or more",
    "undated": "Moment not stated",
}
OBLIGATIONS_SHOWN = 12
MISSING_SHOWN = 40


@dataclass(frozen=True, slots=True)
class AgencyRow:
    """One agency: ``name`` is "" for one that sent something without having joined; moments are UTC microseconds."""

    agency: str
    name: str
    sector: str
    joined_at: int | None
    withdrew_at: int | None
    sent: int
    prompt: str
    completeness: str
    newest: str


def agencies_figures(house: House, asked: Asked) -> Figures:
    """All agencies, by name."""
    with house.reading(asked.as_of) as connection:
        return {"agencies": _agencies(connection, house.zone, asked.as_of.moment_us)}


def agency_figures(house: House, cards: Scorecards, asked: Asked, name: str) -> Figures:
    """One agency. Raises ``Fault`` code ``not_found``."""
    card = cards.read(asked.as_of)
    with house.reading(asked.as_of) as connection:
        row = next((a for a in _agencies(connection, house.zone, asked.as_of.moment_us) if a.agency == name), None)
        if row is None:
            raise fault("not_found", f"there is no agency {name!r}")
        buckets = _buckets(connection, name)
        feeds, missing = _feeds(connection, name, house.zone, asked.as_of.moment_us)
        moment_us = asked.as_of.moment_us
        promised = survey(
            connection,
            moment_us,
            house.zone,
            asking(moment_us, house.zone, kind="commitment", debtor=name),
            limit=OBLIGATIONS_SHOWN,
        )
    total = sum(buckets.values())
    rejected, sent = rejection_counts(house, name)
    cells = [(own, line.cell) for line in card.lines() for own in line.by_agency if own.group == f"agency:{name}"]
    return {
        "a": row,
        "timeliness": [
            (title, buckets[bucket], words.value_words(share_of(buckets[bucket], total), "percent"))
            for bucket, title in BUCKETS.items()
            if bucket in buckets
        ],
        "rejected": words.count_words(sent, "submission") if rejected else "",
        "feeds": feeds,
        "missing": missing[:MISSING_SHOWN],
        "more_missing": max(0, len(missing) - MISSING_SHOWN),
        "obligations": [line(one, moment_us, house.zone) for one in promised.listed],
        "obligations_total": promised.total,
        "kpis": cells,
        "owned": [line for line in card.lines() if line.owner == name],
    }


def _agencies(connection: Connection, zone: str, moment_us: int) -> list[AgencyRow]:
    table = TABLES["agencies"]
    joined = {row.agency: row for row in connection.execute(select(table))}
    entries: dict[str, Counter[str]] = defaultdict(Counter)
    counted = select(ENTRIES.c.agency, ENTRIES.c.bucket, func.sum(ENTRIES.c.n)).group_by(
        ENTRIES.c.agency, ENTRIES.c.bucket
    )
    for agency, bucket, n in connection.execute(counted):
        entries[agency][bucket] += n
    newest: dict[str, str] = {
        row.agency: row.newest
        for row in connection.execute(
            select(REPORTS.c.agency, func.max(REPORTS.c.day).label("newest")).group_by(REPORTS.c.agency)
        )
    }
    due: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for report in _reports_due(connection, zone, moment_us):
        due[report["agency"]] += 1
        received[report["agency"]] += report["received"]
    rows = []
    for agency in {*joined, *entries}:
        row, buckets = joined.get(agency), entries[agency]
        total = sum(buckets.values())
        prompt = buckets["0"] + buckets["1-3"]
        rows.append(
            AgencyRow(
                agency,
                (row.name or "") if row is not None else "",
                (row.sector or "") if row is not None else "",
                row.joined_at if row is not None else None,
                row.withdrew_at if row is not None else None,
                total,
                words.value_words(share_of(prompt, total), "percent") if total else "–",
                f"{received[agency]:,} of {due[agency]:,}" if due[agency] else "–",
                words.iso_day_words(newest[agency]) if agency in newest else "none yet",
            )
        )
    return sorted(rows, key=lambda row: (row.name or row.agency).casefold())


def _reports_due(connection: Connection, zone: str, moment_us: int) -> list[Mapping[str, Any]]:
    """The reports that fell due over the last 12 months."""
    months = set(previous(current(moment_us, zone, "month"), 12))
    return [row for row in expected_reports(connection, moment_us, zone, months).rows if row["due_at"] <= moment_us]


def _buckets(connection: Connection, agency: str) -> Counter[str]:
    rows = connection.execute(
        select(ENTRIES.c.bucket, func.sum(ENTRIES.c.n)).where(ENTRIES.c.agency == agency).group_by(ENTRIES.c.bucket)
    )
    return Counter({bucket: int(n) for bucket, n in rows})


def _feeds(connection: Connection, agency: str, zone: str, moment_us: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The agency's expected reports over the last 12 months by feed, and in words those that are missing."""
    table = TABLES["expected_feeds"]
    due = [row for row in _reports_due(connection, zone, moment_us) if row["agency"] == agency]
    newest: dict[str, str] = {
        row.family: row.newest
        for row in connection.execute(
            select(REPORTS.c.family, func.max(REPORTS.c.day).label("newest"))
            .where(REPORTS.c.agency == agency)
            .group_by(REPORTS.c.family)
        )
    }
    feeds = []
    for feed in connection.execute(select(table).where(table.c.agency == agency).order_by(table.c.feed)).mappings():
        rows = [row for row in due if row["feed"] == feed["feed"]]
        feeds.append(
            {
                "feed": feed["feed"],
                "cadence": feed["cadence"],
                "grace_days": feed["grace_days"] or 0,
                "due": len(rows),
                "received": sum(row["received"] for row in rows),
                "on_time": sum(row["on_time"] for row in rows),
                "newest": words.iso_day_words(newest[feed["feed"]]) if feed["feed"] in newest else "nothing yet",
            }
        )
    missing = [row for row in due if not row["received"]]
    missing.sort(key=lambda row: (row["last_day"], row["feed"]), reverse=True)
    return feeds, [f"{words.title_words(row['feed'])} report for {_report_period(row)}" for row in missing]


def _report_period(row: Mapping[str, Any]) -> str:
    if row["first_day"] == row["last_day"]:
        return words.iso_day_words(row["first_day"])
    if words.period_words(row["period"]) != row["period"]:
        return words.period_words(row["period"])
    return f"{words.iso_day_words(row['first_day'])} to {words.iso_day_words(row['last_day'])}"
