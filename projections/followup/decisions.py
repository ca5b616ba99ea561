"""What the committee decided, how each agency voted, and who dissented and why.

Here because a partner that was outvoted still answers for what it promised, and its reason belongs beside the number
the decision was about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.moments import format_us
from projections.tables import TABLES


@dataclass(frozen=True, slots=True)
class Decided:
    """One recorded decision. ``votes`` are by agency, ``dissent`` pairs of agency and reason; ``quorum`` is that of the
    meeting it was taken in, None where no meeting is named or known."""

    decision: str
    plan: str
    meeting: str | None
    motion: str
    votes: dict[str, str]
    dissent: tuple[tuple[str, str], ...]
    recorded_us: int | None
    quorum: bool | None

    def to_json(self) -> dict[str, Any]:
        """The published shape; moments are RFC 3339 in UTC."""
        return {
            "decision": self.decision,
            "plan": self.plan,
            "meeting": self.meeting,
            "motion": self.motion,
            "votes": self.votes,
            "dissent": [{"agency": agency, "reason": reason} for agency, reason in self.dissent],
            "decided": None if self.recorded_us is None else format_us(self.recorded_us),
            "quorum": self.quorum,
        }


def decisions(connection: Connection, as_of_us: int, *, plan: str = "") -> list[Decided]:
    """The decisions taken by a moment, the latest first."""
    table, meetings = TABLES["decided"], TABLES["meetings"]
    quorums = {row.meeting: row.quorum for row in connection.execute(select(meetings.c.meeting, meetings.c.quorum))}
    query = select(table).where(table.c.recorded == 1)
    if plan:
        query = query.where(table.c.plan == plan)
    found = []
    for row in connection.execute(query).mappings():
        if row["recorded_at"] is not None and row["recorded_at"] > as_of_us:
            continue
        dissent = orjson.loads(row["dissent"]) if row["dissent"] else []
        quorum = quorums.get(row["meeting"])
        found.append(
            Decided(
                row["decision"],
                row["plan"],
                row["meeting"],
                row["motion"],
                orjson.loads(row["votes"]) if row["votes"] else {},
                tuple((said["agency"], said["reason"]) for said in dissent),
                row["recorded_at"],
                None if quorum is None else bool(quorum),
            )
        )
    return sorted(found, key=lambda one: (-(one.recorded_us or 0), one.decision))
