"""The list that two agencies walk through together: item by item, what each of them said, and where they differ.

Here because a dispute is settled by looking at the two statements themselves. Each half is shown with the
identity, the times and the digest of its event, so that either side can find it in its own system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.selectable import Subquery

from contracts.moments import DAY_US, format_us
from contracts.ports import LogReader
from projections.halves.evidence import Halves, halves_of
from projections.halves.facts import FACTS, State
from projections.halves.grace import Stretch, grace_days, load_stretches, past_grace
from projections.halves.items import items, items_about
from projections.halves.sums import AMOUNTS, Amounts, Counts, Number, past_grace_column, within_period
from projections.kpi.shapes import AsOf

Wanted = Literal["confirmed", "disputed", "pending", "past_grace", "unmatched"]
WANTED: tuple[Wanted, ...] = get_args(Wanted)
"""What a list may be narrowed to: a state, or the pending ones that are past their grace."""

NOBODY = "-"
"""Stands for the other side where nobody is named. No agency's id begins with a dash."""


@dataclass(frozen=True, slots=True)
class Item:
    """One shared fact between two agencies. Moments are UTC microseconds.

    ``at`` is when the claimed fact happened, or the half that stands alone; None where it is undated.
    ``days`` is how many whole days of 24 hours a pending claim has waited at the reading, ``grace`` how many it
    may. ``waits_for`` is the agency whose half is missing, None where none is or nobody can tell.
    """

    fact: str
    key: str
    subject: str
    claimer: str | None
    other: str | None
    state: State
    at: int | None
    grace: int | None
    days: int | None
    past_grace: bool
    unit: str | None
    amounts: Amounts | None
    halves: Halves

    @property
    def waits_for(self) -> str | None:
        if self.state == "pending":
            return self.other
        return self.claimer if self.state == "unmatched" else None

    def to_json(self) -> dict[str, Any]:
        quantity = None if self.amounts is None else {"unit": self.unit, **self.amounts.to_json()}
        return {
            "fact": self.fact,
            "key": self.key,
            "subject": self.subject,
            "claimer": self.claimer,
            "other": self.other,
            "state": self.state,
            "past_grace": self.past_grace,
            "waits_for": self.waits_for,
            "at": None if self.at is None else format_us(self.at),
            "days_pending": self.days,
            "grace_days": self.grace,
            "quantity": quantity,
            **self.halves.to_json(),
        }

    def flat(self) -> dict[str, Any]:
        """One row of CSV: the first event of each half, and the disagreements as a sentence."""
        told = self.to_json()
        row = {name: told[name] for name in ITEM_COLUMNS if name in told}
        for side in ("first", "second"):
            half = told[side][0] if told[side] else {}
            for name in HALF_COLUMNS:
                row[f"{side}_{name}"] = half.get(name)
        amounts: Mapping[str, Number | None] = (
            dict.fromkeys(AMOUNTS) if self.amounts is None else self.amounts.to_json()
        )
        row |= {f"quantity_{name}": amounts[name] for name in AMOUNTS}
        row["unit"] = self.unit
        row["differences"] = "; ".join(difference.sentence() for difference in self.halves.differences)
        return row


HALF_COLUMNS = ("source", "id", "agency", "time", "recorded_at", "digest")
ITEM_COLUMNS = (
    "fact",
    "key",
    "subject",
    "claimer",
    "other",
    "state",
    "past_grace",
    "waits_for",
    "at",
    "days_pending",
    "grace_days",
    "unit",
    *(f"quantity_{name}" for name in AMOUNTS),
    *(f"{side}_{name}" for side in ("first", "second") for name in HALF_COLUMNS),
    "differences",
)
"""The columns of the list as CSV."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One page of the list of two agencies, in both directions; ``counts`` are of the whole list, whatever it is
    narrowed to, and ``total`` is how many items remain when it is."""

    one: str
    other: str
    as_of: AsOf
    counts: Counts
    items: tuple[Item, ...]
    total: int
    limit: int
    offset: int

    def to_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.to_json(),
            "between": [self.one, self.other],
            "counts": self.counts.to_json(),
            "total": self.total,
            "limit": self.limit,
            "offset": self.offset,
            "items": [item.to_json() for item in self.items],
        }


def walk(
    connection: Connection,
    reader: LogReader,
    one: str,
    other: str,
    *,
    as_of: AsOf,
    zone: str,
    fact: str | None = None,
    state: Wanted | None = None,
    period: str = "all",
    limit: int = 50,
    offset: int = 0,
) -> Walk:
    """The facts that two agencies share, whichever of them claims, the oldest first and undated ones last.

    ``other`` may be ``NOBODY``: then those in which ``one`` is alone because nobody is named. A second half of
    either of the two that stands alone is on the list, since the first may be the other's to state. ``fact``,
    ``state`` and ``period`` must be known ones; ``limit`` rows are read, and the events about them alone.
    """
    found = items([FACTS[fact]] if fact else tuple(FACTS.values()))
    stretches = load_stretches(connection, zone)
    past = past_grace_column(found, stretches, as_of.moment_us)
    conditions = [_between(found, one, other)]
    within = within_period(found, period, zone)
    if within is not None:
        conditions.append(within)
    counts = _counts(connection, found, past, conditions)
    if state is not None:
        conditions.append(past if state == "past_grace" else found.c.state == state)
    total = _of_state(counts, state)
    page: Select[Any] = (
        select(found)
        .where(*conditions)
        .order_by(found.c.at.is_(None), found.c.at, found.c.fact, found.c.key)
        .limit(limit)
        .offset(offset)
    )
    rows = connection.execute(page).mappings().all()
    made = _made(connection, reader, rows, stretches, as_of, zone)
    return Walk(one, other, as_of, counts, tuple(made), total, limit, offset)


def about(
    connection: Connection, reader: LogReader, subject: str, *, as_of: AsOf, zone: str, limit: int
) -> tuple[list[Item], int]:
    """The shared facts whose events are about one subject, at most ``limit`` of them, the newest periods first,
    and how many there are; none where the subject is of no such kind."""
    fact = next((fact for fact in FACTS.values() if subject.startswith(fact.subject)), None)
    if fact is None:
        return [], 0
    found = items_about(fact, subject.removeprefix(fact.subject))
    total = connection.scalar(select(func.count()).select_from(found)) or 0
    rows = connection.execute(select(found).order_by(found.c.key.desc()).limit(limit)).mappings().all()
    return _made(connection, reader, rows, load_stretches(connection, zone), as_of, zone), total


def _between(found: Subquery, one: str, other: str) -> ColumnElement[bool]:
    claimer, asked = found.c.claimer, found.c.other
    if other == NOBODY:
        return or_(and_(claimer == one, asked.is_(None)), and_(claimer.is_(None), asked == one))
    return or_(
        and_(claimer == one, asked == other),
        and_(claimer == other, asked == one),
        and_(claimer.is_(None), asked.in_([one, other])),
    )


def _counts(
    connection: Connection, found: Subquery, past: ColumnElement[bool], conditions: Sequence[ColumnElement[bool]]
) -> Counts:
    query = (
        select(found.c.state, func.count().label("n"), func.sum(case((past, 1), else_=0)).label("past"))
        .where(*conditions)
        .group_by(found.c.state)
    )
    counts = Counts()
    for state, n, late in connection.execute(query):
        counts = counts + Counts(
            claimed=0 if state == "unmatched" else n, pending_past_grace=int(late or 0), **{state: n}
        )
    return counts


def _of_state(counts: Counts, state: Wanted | None) -> int:
    if state is None:
        return counts.claimed + counts.unmatched
    return int(getattr(counts, "pending_past_grace" if state == "past_grace" else state))


def _made(
    connection: Connection,
    reader: LogReader,
    rows: Sequence[RowMapping],
    stretches: Sequence[Stretch],
    as_of: AsOf,
    zone: str,
) -> list[Item]:
    """The rows as items, each with its events."""
    sides = halves_of(connection, reader, rows, zone)
    made = []
    for row, halves in zip(rows, sides, strict=True):
        grace = days = None
        late = False
        if row["state"] == "pending" and row["at"] is not None:
            grace = grace_days(stretches, row["claimer"], row["other"], row["at"])
            days = max(0, (as_of.moment_us - row["at"]) // DAY_US)
            late = past_grace(row["at"], grace, as_of.moment_us)
        made.append(
            Item(
                **{name: row[name] for name in ("fact", "key", "subject", "claimer", "other", "state", "at", "unit")},
                grace=grace,
                days=days,
                past_grace=late,
                amounts=Amounts.told(row),
                halves=halves,
            )
        )
    return made
