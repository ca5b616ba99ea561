"""Actions: who is to do what by when, what it answers to, and whether it was done in time.

Here because follow-through is judged like any other obligation, by the same rule of what is open, overdue, late and
met at a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.faults import fault
from contracts.moments import format_us
from projections.kpi.rounding import share_of
from projections.obligations.states import Facts, State, moment_of, state_of
from projections.tables import TABLES

ACTION_STATES: tuple[State, ...] = ("overdue", "open", "late", "met")
"""In the order in which a reader should look."""

_ABOUT = ("kpi", "obligation", "restatement", "decision")


@dataclass(frozen=True, slots=True)
class Action:
    """One action as of a moment. ``due`` is the last day (a date), ``about`` says what it answers to, such as
    ``{"kpi": "K17"}``; moments are UTC microseconds."""

    action: str
    plan: str
    owner: str
    what: str
    due: str
    due_us: int
    opened_us: int | None
    closed_us: int | None
    evidence_ref: str | None
    about: dict[str, str]
    state: State

    def to_json(self) -> dict[str, Any]:
        """The published shape; moments are RFC 3339 in UTC."""
        return {
            "action": self.action,
            "plan": self.plan,
            "owner": self.owner,
            "what": self.what,
            "due": self.due,
            "state": self.state,
            "opened": None if self.opened_us is None else format_us(self.opened_us),
            "closed": None if self.closed_us is None else format_us(self.closed_us),
            "evidence_ref": self.evidence_ref,
            "about": self.about,
        }


@dataclass(frozen=True, slots=True)
class FollowThrough:
    """Of the actions settled or fallen due: how many were closed by their day; ``share`` in percent, None of none."""

    due: int
    in_time: int
    late: int
    overdue: int
    open: int

    @property
    def share(self) -> float | None:
        return share_of(self.in_time, self.due)

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "due": self.due,
            "closed_in_time": self.in_time,
            "closed_late": self.late,
            "overdue": self.overdue,
            "open": self.open,
            "share": self.share,
        }


def actions(
    connection: Connection,
    as_of_us: int,
    *,
    plan: str = "",
    owner: str = "",
    state: str = "",
    about: str = "",
) -> list[Action]:
    """The actions opened by a moment, what needs attention first, then by due day.

    ``about`` is what they answer to: a KPI, an obligation's key, a restatement or a decision. Raises the fault
    ``request_invalid`` for a state there is none of. An action whose opening is not dated counts as opened.
    """
    if state and state not in ACTION_STATES:
        raise fault(
            "request_invalid", f"{state[:50]!r} is no state of an action", "/state", allowed=list(ACTION_STATES)
        )
    table = TABLES["actions"]
    query = select(table).where(table.c.opened == 1)
    for column, wanted in (("plan", plan), ("owner", owner)):
        if wanted:
            query = query.where(table.c[column] == wanted)
    found = []
    for row in connection.execute(query).mappings():
        if row["opened_at"] is not None and row["opened_at"] > as_of_us:
            continue
        one = _action(row, as_of_us)
        if (not state or one.state == state) and (not about or about in one.about.values()):
            found.append(one)
    return sorted(found, key=lambda one: (ACTION_STATES.index(one.state), one.due, one.action))


def follow_through(found: Sequence[Action]) -> FollowThrough:
    """How many of some actions were closed by their day, of those closed or fallen due.

    One that is closed can no longer be late; one that is open and not due is not judged yet.
    """
    counts = {state: sum(one.state == state for one in found) for state in ACTION_STATES}
    due = counts["met"] + counts["late"] + counts["overdue"]
    return FollowThrough(due, counts["met"], counts["late"], counts["overdue"], counts["open"])


def _action(row: Any, as_of_us: int) -> Action:
    closed = moment_of(row["closed_at"]) if row["closed"] else None
    if closed is not None and closed > as_of_us:
        closed = None
    facts = Facts(row["due_at"], met=closed)
    return Action(
        row["action"],
        row["plan"],
        row["owner"],
        row["what"],
        row["due"],
        row["due_at"],
        row["opened_at"],
        row["closed_at"] if closed is not None else None,
        row["evidence_ref"] if closed is not None else None,
        {name: row[f"about_{name}"] for name in _ABOUT if row[f"about_{name}"] is not None},
        state_of(facts, as_of_us),
    )
