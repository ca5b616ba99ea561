"""Reading what is owed: counts by debtor, creditor and state, ageing, what is next, and one page of the list.

Here because a matrix, its numbers and the lists behind them must come from one pass over one snapshot, or they
would not agree.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from contracts.moments import format_us
from projections.obligations.asking import AGES, Asking, age_of
from projections.obligations.calendars import workdays
from projections.obligations.commitments import commitment_obligations
from projections.obligations.governance import (
    action_obligations,
    finding_obligations,
    report_obligations,
    review_obligations,
)
from projections.obligations.in_force import agreements
from projections.obligations.owed import KINDS, Obligation, Source
from projections.obligations.referrals import AnswerLimits, referral_obligations
from projections.obligations.states import STATES, State

_RANK = {state: rank for rank, state in enumerate(STATES)}


@dataclass(frozen=True)
class Survey:
    """What was asked for, as of a moment.

    ``counts`` by (kind, debtor, creditor, state); ``ageing`` by (kind, bucket of ``AGES``), of what is overdue;
    ``next_due`` by debtor, of what is open; ``beside`` by state, whatever state and age were asked for; ``listed`` is
    one page of ``total`` obligations, what needs attention first; ``not_owed`` by reason, of what looks like an
    obligation and is none.
    """

    as_of_us: int
    asking: Asking
    counts: Counter[tuple[str, str, str, State]] = field(default_factory=Counter)
    ageing: Counter[tuple[str, str]] = field(default_factory=Counter)
    next_due: dict[str, Obligation] = field(default_factory=dict)
    beside: Counter[State] = field(default_factory=Counter)
    listed: list[Obligation] = field(default_factory=list)
    total: int = 0
    not_owed: Counter[str] = field(default_factory=Counter)

    def by_state(self) -> Counter[State]:
        """How many are in each state."""
        found: Counter[State] = Counter()
        for (_, _, _, state), n in self.counts.items():
            found[state] += n
        return found

    def matrix(self) -> list[dict[str, Any]]:
        """Who owes whom: one row for a debtor and creditor, a count for each state, and all of them."""
        pairs: dict[tuple[str, str], Counter[str]] = {}
        for (_, debtor, creditor, state), n in self.counts.items():
            pairs.setdefault((debtor, creditor), Counter())[state] += n
        return [
            {
                "debtor": debtor,
                "creditor": creditor,
                **{state: counted[state] for state in STATES},
                "total": counted.total(),
            }
            for (debtor, creditor), counted in sorted(pairs.items())
        ]

    def ages(self) -> dict[str, int]:
        """How many have been overdue for how many days, in the order of ``AGES``."""
        return {name: sum(n for (_, age), n in self.ageing.items() if age == name) for name, _ in AGES}

    def to_json(self) -> dict[str, Any]:
        """The published shape, without the list itself."""
        return {
            "settled_since": format_us(self.asking.window_us),
            "total": self.total,
            "states": {state: self.by_state()[state] for state in STATES},
            "overdue_days": self.ages(),
            "next_due": [self.next_due[debtor].to_json() for debtor in sorted(self.next_due)],
            "not_owed": dict(sorted(self.not_owed.items())),
        }


def survey(
    connection: Connection, as_of_us: int, zone: str, asking: Asking, *, offset: int = 0, limit: int = 50
) -> Survey:
    """Everything that was asked for, in one pass; the list from ``offset`` on, at most ``limit`` rows of it.

    Costs the streams of the kinds asked for (see their modules) and keeps ``offset + limit`` obligations and the
    counts. Half a million referrals of which a third fall in the window take about two seconds.
    """
    found = Survey(as_of_us, asking)
    sources = [source for _, source in _sources(connection, as_of_us, zone, asking)]

    def counted() -> Iterator[Obligation]:
        counts, ageing, next_due, beside = found.counts, found.ageing, found.next_due, found.beside
        for source in sources:
            for one in source.obligations:
                if not asking.admits(one):
                    continue
                beside[one.state] += 1
                if not asking.stands(one):
                    continue
                counts[one.kind, one.debtor, one.creditor, one.state] += 1
                if one.state == "overdue":
                    ageing[one.kind, age_of(one.due_us, as_of_us)] += 1
                elif one.state == "open":
                    first = next_due.get(one.debtor)
                    if first is None or (one.due_us, one.key) < (first.due_us, first.key):
                        next_due[one.debtor] = one
                yield one

    page = first_in_order(counted(), offset + limit)[offset:]
    not_owed: Counter[str] = Counter()
    for source in sources:
        not_owed += source.not_owed
    return Survey(
        as_of_us, asking, found.counts, found.ageing, found.next_due, found.beside, page, found.counts.total(), not_owed
    )


def every(connection: Connection, as_of_us: int, zone: str, asking: Asking) -> Iterator[Obligation]:
    """Every obligation asked for, kind by kind."""
    for _, source in _sources(connection, as_of_us, zone, asking):
        yield from (one for one in source.obligations if asking.admits(one) and asking.stands(one))


def first_in_order(obligations: Iterable[Obligation], n: int) -> list[Obligation]:
    """The first ``n`` in reading order: by state as in ``STATES``; what is open the soonest due first, anything
    else the newest first. All of them are read, however few are wanted."""
    if n < 1:
        deque(obligations, maxlen=0)
        return []
    return heapq.nsmallest(n, obligations, key=_order)


def _order(one: Obligation) -> tuple[int, int, str, str]:
    rank = _RANK[one.state]
    return (rank, one.due_us if one.state == "open" else -one.due_us, one.kind, one.key)


def _sources(connection: Connection, as_of_us: int, zone: str, asking: Asking) -> Iterator[tuple[str, Source]]:
    for kind in KINDS:
        if asking.kind not in ("", kind):
            continue
        match kind:
            case "referral":
                limits = AnswerLimits(agreements(connection, as_of_us, zone), workdays(connection, as_of_us), zone)
                yield kind, referral_obligations(connection, limits, as_of_us, asking)
            case "commitment":
                yield kind, commitment_obligations(connection, as_of_us, zone)
            case "report":
                yield kind, report_obligations(connection, as_of_us, zone)
            case "action":
                yield kind, action_obligations(connection, as_of_us, zone)
            case "review":
                yield kind, review_obligations(connection, as_of_us, zone)
            case "finding":
                yield kind, finding_obligations(connection, as_of_us, zone)
