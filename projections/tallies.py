"""What arrived and how late: reports received and entry delays, batch by batch.

Here apart from the merges because both are about the reporting itself: a superseded statement was received
all the same, and an entry is counted when it is recorded. ``reports`` is a minimum and so a merge;
``entries`` is a plain count, exact because it is committed together with the position in the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from contracts.moments import day_text, local_epoch_day
from contracts.recorded import Recorded
from projections import statements
from projections.fold import Dirty
from projections.tables import ENTRIES, REPORTS

UNDATED_BUCKET = "undated"

_ADD = statements.insert(ENTRIES) + " ON CONFLICT (agency, month, bucket) DO UPDATE SET n = entries.n + excluded.n"
_REPORT = (
    f"{statements.insert(REPORTS)} ON CONFLICT (key) DO UPDATE SET {statements.lesser(REPORTS, 'first_recorded_at')}"
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What some events add: ``entries`` by (agency, month, bucket), and rows of ``reports`` by key."""

    entries: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    reports: dict[str, tuple[str, str, str, str, int, str]] = field(default_factory=dict)

    def take_in(self, other: Counted) -> None:
        """Adds what other events add."""
        self.entries.update(other.entries)
        for key, row in other.reports.items():
            if key not in self.reports or row[4] < self.reports[key][4]:
                self.reports[key] = row


def bucket(days: int) -> str:
    """The delay bucket of a number of whole local days; an event recorded before its own day counts as no
    delay."""
    if days <= 0:
        return "0"
    if days <= 3:
        return "1-3"
    if days <= 6:
        return "4-6"
    return "7-10" if days <= 10 else "11+"


def family_of(event_type: str) -> str:
    """The feed an event type belongs to: its noun (``call.received`` -> ``call``)."""
    return event_type.partition(".")[0]


def report_key(agency: str, family: str, day: str) -> str:
    """The key of a row of ``reports``."""
    return f"{agency}/{family}/{day}"


def tally(connection: Connection, batch: Sequence[Recorded], zone: str) -> Dirty:
    """Counts a batch of events that were never counted before."""
    return add(connection, count(batch, zone))


def count(batch: Iterable[Recorded], zone: str) -> Counted:
    """What a batch adds, before anything is written."""
    # By day first: texts, months and buckets are then made once a group and not once an event.
    groups: dict[tuple[str, str, int | None, int], list[int]] = {}
    for event in batch:
        if event.kind != "statement":
            continue
        recorded_at = event.recorded_at_us
        happened = None if event.time_us is None else local_epoch_day(event.time_us, zone)
        group = (event.agency, event.type, happened, local_epoch_day(recorded_at, zone))
        found = groups.get(group)
        if found is None:
            groups[group] = [1, recorded_at]
        else:
            found[0] += 1
            found[1] = min(found[1], recorded_at)
    counted = Counted()
    entries, reports = counted.entries, counted.reports
    for (agency, event_type, happened, entered), (n, recorded_at) in groups.items():
        month = day_text(entered)[:7]
        if happened is None:
            entries[agency, month, UNDATED_BUCKET] += n
            continue
        entries[agency, month, bucket(entered - happened)] += n
        day, family = day_text(happened), family_of(event_type)
        key = report_key(agency, family, day)
        if key not in reports or recorded_at < reports[key][4]:
            reports[key] = (key, agency, family, day, recorded_at, day[:7])
    return counted


def add(connection: Connection, counted: Counted) -> Dirty:
    """Writes what was counted, in the order of the keys: others may be adding to the same rows, and then wait for each
    other in one order."""
    reports = counted.reports
    kept = {row[0]: row[4] for row in statements.rows_where(connection, REPORTS, "key", reports)}
    # What is kept only grows less: a row that another writes meanwhile makes none of these worth less than it is.
    earlier = [row for key, row in sorted(reports.items()) if key not in kept or row[4] < kept[key]]
    statements.write_rows(connection, _REPORT, earlier)
    statements.write_rows(connection, _ADD, [(*key, n) for key, n in sorted(counted.entries.items())])
    return {("reports", row[5]) for row in earlier} | {("entries", month) for _, month, _ in counted.entries}
