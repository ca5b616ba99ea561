"""How long after it happened each agency reported: the lag between ``time`` and ``recorded_at``.

Here because a partner that reports late moves numbers the committee has already seen. The buckets are those in which
HUD publishes timeliness of data entry (HMIS Data Quality Report, Q6).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from projections.kpi.populations import table_of
from projections.kpi.rounding import share_of

BUCKETS = ("0", "1-3", "4-6", "7-10", "11+", "undated")
_WITHIN_THREE = ("0", "1-3")


@dataclass(frozen=True, slots=True)
class Delays:
    """Statements of one agency by whole days of lag; ``undated`` ones say no moment at which they happened."""

    agency: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def within_three_days(self) -> float | None:
        """Share in percent of the dated statements entered within three days, one digit; None of none."""
        dated = self.total - self.counts["undated"]
        return share_of(sum(self.counts[bucket] for bucket in _WITHIN_THREE), dated)

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "agency": self.agency,
            "counts": self.counts,
            "total": self.total,
            "within_three_days": self.within_three_days,
        }


def delays(connection: Connection, *, since_month: str = "") -> list[Delays]:
    """One line an agency, in order of their ids, of the statements recorded since a month (all where it is "")."""
    table = table_of("entries")
    query = select(table.c.agency, table.c.bucket, func.sum(table.c.n)).group_by(table.c.agency, table.c.bucket)
    if since_month:
        query = query.where(table.c.month >= since_month)
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(BUCKETS, 0))
    for agency, bucket, n in connection.execute(query):
        found[agency][bucket] += int(n)
    return [Delays(agency, counts) for agency, counts in sorted(found.items())]
