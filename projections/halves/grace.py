"""How long the other side has to answer a claim before its silence counts as late.

Here because a pending half is ordinary for some days and a breach after them; how many days is written in the
agreement that was in force between the two when the fact happened. No clock is read: the moment is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, literal, or_
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from contracts.moments import DAY_US
from projections.obligations.in_force import ALWAYS, Agreement, agreements

CONFIRM_WITHIN_DAYS = 14
"""Days of 24 hours in which a claim is to be answered where no agreement between the two says otherwise."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an agreement gave its parties so many ``days`` to confirm: [from, until), UTC microseconds.

    ``until_us`` is None where no end is known. ``effective_us`` is when the agreement took effect.
    """

    agreement: str
    effective_us: int
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
    return stretches(agreements(connection, ALWAYS, zone).values())


def stretches(known: Iterable[Agreement]) -> list[Stretch]:
    """As ``load_stretches``, of these agreements: the times in which they bind by the one rule of ``in_force``.

    Of several agreements between two agencies the one that took effect last is asked first.
    """
    found = [
        Stretch(
            agreement.agreement,
            agreement.effective_us,
            stand.parties,
            first,
            None if last == ALWAYS else last + 1,
            stand.confirm_within_days,
        )
        for agreement in known
        for first, last, stand in agreement.spans()
        if stand.confirm_within_days is not None
    ]
    return sorted(found, key=lambda s: (s.effective_us, s.agreement), reverse=True)


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
