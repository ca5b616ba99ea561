"""How much is claimed, confirmed, disputed and pending: by fact, and by who claims of whom.

Here because a committee first asks how much of what is said rests on one side alone, and whose answer is
missing; both are sums over the same lines, which the database makes in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, and_, case, func, literal, null, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.selectable import Subquery

from contracts.moments import DAY_US
from projections.halves.facts import FACTS, SharedFact
from projections.halves.grace import Stretch, grace_column, load_stretches
from projections.halves.items import items
from projections.kpi.periods import bounds_us
from projections.kpi.shapes import AsOf

Number = int | float
Exact = int | float | Fraction

_EXACTLY = Context(prec=700)
"""More digits than lie between the greatest and the smallest number that can be stated, so that no sum is rounded."""

COUNTS = ("claimed", "confirmed", "disputed", "pending", "pending_past_grace", "unmatched")
AMOUNTS = ("claimed", "confirmed", "disputed", "pending")


@dataclass(frozen=True, slots=True)
class Counts:
    """Facts by state: claimed = confirmed + disputed + pending. ``pending_past_grace`` are among the pending;
    ``unmatched`` were never claimed."""

    claimed: int = 0
    confirmed: int = 0
    disputed: int = 0
    pending: int = 0
    pending_past_grace: int = 0
    unmatched: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COUNTS))

    def to_json(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTS}


@dataclass(frozen=True, slots=True)
class Amounts:
    """The same as quantities of one unit: claimed = confirmed + disputed + pending.

    They are added up as the decimal numbers that were stated, and are floats only where they leave (``whole``).
    """

    claimed: Exact = 0
    confirmed: Exact = 0
    disputed: Exact = 0
    pending: Exact = 0

    @classmethod
    def told(cls, row: Mapping[Any, Any]) -> Amounts | None:
        """Those of a row of ``items``; None where it claims no quantity."""
        return None if row["claimed"] is None else cls(*map(Fraction, _stated(row)))

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(getattr(self, name) + getattr(other, name) for name in AMOUNTS))

    def to_json(self) -> dict[str, Number]:
        return {name: whole(getattr(self, name)) for name in AMOUNTS}


@dataclass(frozen=True, slots=True)
class Line:
    """One fact between one claimer and one other side, in one unit.

    ``claimer`` is None where a second half stands alone and nobody can tell whose first half is missing;
    ``other`` is None where the claim names nobody. ``amounts`` is None where the fact has no quantity.
    """

    fact: str
    claimer: str | None
    other: str | None
    unit: str | None
    counts: Counts
    amounts: Amounts | None

    def to_json(self) -> dict[str, Any]:
        """One flat row, as it also stands in CSV."""
        amounts = dict.fromkeys(AMOUNTS) if self.amounts is None else self.amounts.to_json()
        return {
            "fact": self.fact,
            "claimer": self.claimer,
            "other": self.other,
            **self.counts.to_json(),
            "unit": self.unit,
            **{f"quantity_{name}": amount for name, amount in amounts.items()},
        }


@dataclass(frozen=True, slots=True)
class FactSum:
    """All lines of one fact; ``amounts`` by unit."""

    fact: SharedFact
    counts: Counts
    amounts: dict[str, Amounts]

    def to_json(self) -> dict[str, Any]:
        return {
            "fact": self.fact.name,
            "title": self.fact.title,
            **self.counts.to_json(),
            "quantities": [{"unit": unit, **amounts.to_json()} for unit, amounts in sorted(self.amounts.items())],
        }


@dataclass(frozen=True, slots=True)
class PairSum:
    """All facts that one agency claims of another."""

    claimer: str | None
    other: str | None
    counts: Counts

    def to_json(self) -> dict[str, Any]:
        return {"claimer": self.claimer, "other": self.other, **self.counts.to_json()}


@dataclass(frozen=True, slots=True)
class Waited:
    """Whose half is missing: ``pending`` claims this agency has not answered (``past_grace`` of them too long),
    and ``first_halves`` that others answer and this agency never stated."""

    agency: str
    pending: int
    past_grace: int
    first_halves: int

    def to_json(self) -> dict[str, Any]:
        return {
            "agency": self.agency,
            "pending": self.pending,
            "past_grace": self.past_grace,
            "first_halves": self.first_halves,
        }


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The sums at one reading; every other view of them is made from ``lines``."""

    as_of: AsOf
    period: str
    lines: tuple[Line, ...]

    def total(self) -> Counts:
        """Everything."""
        return sum((line.counts for line in self.lines), Counts())

    def facts(self) -> list[FactSum]:
        """Every shared fact in the order of its declaration, those without a claim among them."""
        found = []
        for fact in FACTS.values():
            of_it = [line for line in self.lines if line.fact == fact.name]
            amounts: dict[str, Amounts] = {}
            for line in of_it:
                if line.amounts is not None and line.counts.claimed:
                    unit = line.unit or ""
                    amounts[unit] = amounts.get(unit, Amounts()) + line.amounts
            found.append(FactSum(fact, sum((line.counts for line in of_it), Counts()), amounts))
        return found

    def pairs(self) -> list[PairSum]:
        """Who claims of whom, by their names; what names nobody comes last."""
        counts: dict[tuple[str | None, str | None], Counts] = {}
        for line in self.lines:
            pair = (line.claimer, line.other)
            counts[pair] = counts.get(pair, Counts()) + line.counts
        ordered = sorted(counts, key=lambda pair: [(name is None, name or "") for name in pair])
        return [PairSum(*pair, counts[pair]) for pair in ordered]

    def waited_for(self) -> list[Waited]:
        """The agencies whose half is missing somewhere; who keeps most claims waiting too long comes first."""
        pending: dict[str, Counts] = {}
        first: dict[str, int] = {}
        for line in self.lines:
            if line.other is not None and line.counts.pending:
                pending[line.other] = pending.get(line.other, Counts()) + line.counts
            if line.claimer is not None and line.counts.unmatched:
                first[line.claimer] = first.get(line.claimer, 0) + line.counts.unmatched
        found = [
            Waited(agency, counts.pending, counts.pending_past_grace, first.get(agency, 0))
            for agency in {*pending, *first}
            for counts in (pending.get(agency, Counts()),)
        ]
        return sorted(found, key=lambda w: (-w.past_grace, -w.pending, -w.first_halves, w.agency))

    def to_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.to_json(),
            "period": self.period,
            "total": self.total().to_json(),
            "facts": [fact.to_json() for fact in self.facts()],
            "pairs": [pair.to_json() for pair in self.pairs()],
            "waited_for": [waited.to_json() for waited in self.waited_for()],
            "lines": [line.to_json() for line in self.lines],
        }


def reconciliation(connection: Connection, as_of: AsOf, zone: str, *, period: str = "all") -> Reconciliation:
    """Every line, of all time or of the facts that happened in ``period`` (which must be one).

    What is undated belongs to no period but "all", and is never past its grace: nobody can tell how long it
    waits.
    """
    stretches = load_stretches(connection, zone)
    rows: list[Any] = []
    for fact in FACTS.values():
        # One after the other: a sum over the union of all of them takes the database twice as long.
        found = items([fact])
        past = past_grace_column(found, stretches, as_of.moment_us)
        keys = [found.c[name] for name in ("fact", "claimer", "other", "unit", "state")]
        # Rows of the same quantities are counted and not added: the database would add binary fractions.
        amounts = [found.c[name] for name in AMOUNTS]
        grouped = keys if fact.quantity is None else [*keys, *amounts]
        query = select(
            *grouped,
            func.count().label("n"),
            func.sum(case((past, 1), else_=0)).label("past"),
            *(() if fact.quantity else (null().label(name) for name in AMOUNTS)),
        ).group_by(*grouped)
        within = within_period(found, period, zone)
        rows += connection.execute(query if within is None else query.where(within)).mappings()
    return Reconciliation(as_of, period, tuple(_lines(rows)))


def _lines(rows: Iterable[Mapping[Any, Any]]) -> list[Line]:
    lines: dict[tuple[str, str | None, str | None, str | None], Counts] = {}
    totals: dict[tuple[str, str | None, str | None, str | None], list[Decimal]] = {}
    for row in rows:
        n, state = row["n"], row["state"]
        counts = Counts(claimed=0 if state == "unmatched" else n, **{state: n}, pending_past_grace=row["past"])
        key = (row["fact"], row["claimer"], row["other"], row["unit"])
        lines[key] = counts + lines.get(key, Counts())
        if row["claimed"] is not None:
            total = totals.setdefault(key, [Decimal(0)] * len(AMOUNTS))
            # Decimals with digits enough are as exact as fractions, and many times faster to add.
            totals[key] = [_EXACTLY.fma(each, Decimal(n), sum_) for each, sum_ in zip(_stated(row), total, strict=True)]
    places = {name: place for place, name in enumerate(FACTS)}
    ordered = sorted(lines, key=lambda key: (places[key[0]], *((part is None, part or "") for part in key[1:])))
    amounts = {key: Amounts(*map(Fraction, total)) for key, total in totals.items()}
    return [Line(*key, lines[key], amounts.get(key)) for key in ordered]


def _stated(row: Mapping[Any, Any]) -> list[Decimal]:
    """The quantities of a claim as they were stated, in the order of ``AMOUNTS``."""
    found = [Decimal(repr(row[name])) for name in AMOUNTS]
    claimed, confirmed, disputed, _ = found
    if confirmed and disputed:
        # The database subtracts binary fractions: of 1.7 units, 0.4 confirmed, it leaves 1.2999999999999998.
        found[2] = _EXACTLY.subtract(claimed, confirmed)
    return found


def past_grace_column(found: Subquery, stretches: Sequence[Stretch], as_of_us: int) -> ColumnElement[bool]:
    """Whether an item of ``items`` is pending for longer than it may; ``grace.past_grace`` as an SQL expression."""
    days = grace_column(stretches, found.c.claimer, found.c.other, found.c.at)
    return and_(
        found.c.state == "pending", found.c.at.is_not(None), found.c.at + days * literal(DAY_US, BigInteger) < as_of_us
    )


def within_period(found: Subquery, period: str, zone: str) -> ColumnElement[bool] | None:
    """Whether an item happened in a period; None for "all"."""
    bounds = bounds_us(period, zone)
    return None if bounds is None else and_(found.c.at >= bounds[0], found.c.at < bounds[1])


def whole(value: Exact) -> Number:
    """A sum as an int where it is one, since 3 seats are not 3.0; else as the nearest float."""
    return int(value) if value == int(value) else float(value)
