"""How long the other side has to answer a claim before its silence counts as late.

Here because a pending half is ordinary for some days and a breach after them; how many days is written in the
agreement that was in force between the two when the fact happened. No clock is read: the moment is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import and_, case, literal, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from contracts.moments import DAY_US, day_end_us, day_start_us
from projections.tables import TABLES

CONFIRM_WITHIN_DAYS = 14
"""Days of 24 hours in which a claim is to be answered where no agreement between the two says otherwise."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an agreement gave its parties so many ``days`` to confirm: [from, until), UTC microseconds.

    ``until_us`` is None where no end is known. ``effective`` is the day on which the agreement took effect.
    """

    agreement: str
    effective: str
    parties: frozenset[str]
    from_us: int
    until_us: int | None
    days: int

    def holds(self, one: str | None, other: str | None, at_us: int) -> bool:
        """Whether the agreement was in force between two agencies at a moment."""
        between = one in self.parties and other in self.parties
        return between and self.from_us <= at_us and (self.until_us is None or at_us < self.until_us)


def load_stretches(connection: Connection, zone: str) -> list[Stretch]:
    """Every stretch in which an agreement states days for confirming; the one to be asked first comes first."""
    table = TABLES["agreements"]
    return stretches(connection.execute(select(table).where(table.c.signed.is_not(None))).mappings(), zone)


def stretches(agreements: Iterable[Mapping[Any, Any]], zone: str) -> list[Stretch]:
    """As ``load_stretches``, from rows of ``agreements``.

    An agreement is in force from the first moment of its effective day to the last of the day on which it
    expires, or until it is ended. An amendment holds from its own moment; what it does not mention stays. Of
    several agreements between two agencies the one that took effect last is asked first.
    """
    found = [stretch for row in agreements for stretch in _of_one(row, zone)]
    return sorted(found, key=lambda s: (s.effective, s.agreement), reverse=True)


def _of_one(row: Mapping[Any, Any], zone: str) -> list[Stretch]:
    if not row["effective"]:
        return []
    parties = orjson.loads(row["signed_parties"] or "[]")
    terms = orjson.loads(row["signed_terms"] or "null")
    expires = row["signed_expires"]
    start = day_start_us(row["effective"], zone)
    amendments = [e for e in orjson.loads(row["amendments"] or "[]") if e["time"] is not None]
    amendments.sort(key=lambda e: (e["time"], e["source"], e["id"]))
    found = []
    for place in range(len(amendments) + 1):
        if place:
            amended = amendments[place - 1]
            start = max(start, amended["time"])
            parties = parties if amended["parties"] is None else amended["parties"]
            terms = terms if amended["terms"] is None else amended["terms"]
            expires = expires if amended["expires"] is None else amended["expires"]
        following = amendments[place]["time"] if place < len(amendments) else None
        ends = (following, row["ended_at"], None if expires is None else day_end_us(expires, zone) + 1)
        until = min((end for end in ends if end is not None), default=None)
        days = (terms or {}).get("confirm_within_days")
        if days is not None and (until is None or start < until):
            found.append(Stretch(row["agreement"], row["effective"], frozenset(parties), start, until, days))
    return found


def grace_days(found: Sequence[Stretch], claimer: str | None, other: str | None, claimed_us: int) -> int:
    """The days in which ``other`` was to answer what ``claimer`` claims happened at a moment."""
    return next((s.days for s in found if s.holds(claimer, other, claimed_us)), CONFIRM_WITHIN_DAYS)


def past_grace(claimed_us: int, days: int, as_of_us: int) -> bool:
    """Whether a claim that is still pending waits longer than it may. The last moment of grace still is grace."""
    return as_of_us > claimed_us + days * DAY_US


def grace_column(
    found: Sequence[Stretch],
    claimer: ColumnElement[Any],
    other: ColumnElement[Any],
    claimed_at: ColumnElement[Any],
) -> ColumnElement[int]:
    """``grace_days`` as an SQL expression, for sums over more rows than anybody wants to load."""
    if not found:
        return literal(CONFIRM_WITHIN_DAYS)
    whens = [
        (
            and_(
                claimer.in_(sorted(stretch.parties)),
                other.in_(sorted(stretch.parties)),
                claimed_at >= stretch.from_us,
                or_(literal(stretch.until_us is None), claimed_at < (stretch.until_us or 0)),
            ),
            stretch.days,
        )
        for stretch in found
    ]
    return case(*whens, else_=CONFIRM_WITHIN_DAYS)
