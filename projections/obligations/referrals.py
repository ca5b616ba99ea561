"""The duty to answer a referral: by the limit of the agreement in force between both when it was requested.

Here because a referral nobody answers is a person nobody helps, and no one sends an event about silence. This
is the one kind that grows with the work itself, so its read is kept narrow.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.engine import Connection

from contracts.moments import DAY_US, local_epoch_day
from projections.obligations.asking import Asking
from projections.obligations.in_force import Agreement, Limit
from projections.obligations.owed import Obligation, Remark, Source, fulfilment, heard, moments
from projections.obligations.states import UNDATED, Facts, state_of
from projections.obligations.workdays import Workdays, due_us
from projections.tables import TABLES

NO_LIMIT = "no_limit_agreed"
NO_MOMENT = "no_moment_of_request"
_DAYS_BACK_MAX = 20_000
"""More days than any limit a contract takes: 10,000 business days."""
_ROWS_AT_ONCE = 5_000
_ANSWERS = ("accepted", "declined", "completed", "failed")
"""What answers a referral: a yes, a no, or the end of it by the target, which is more than an answer."""


@dataclass
class AnswerLimits:
    """When the answer to a request is due, remembered by day: a limit in days depends on no more than that."""

    agreements: Mapping[str, Agreement]
    workdays: Workdays
    zone: str
    _due: dict[tuple[Limit, int], int] = field(default_factory=dict)
    _between: dict[tuple[str, str], list[Agreement]] = field(init=False)

    def __post_init__(self) -> None:
        self._between = {}
        for agreement in self.agreements.values():
            if not agreement.limits():
                continue
            ever = frozenset().union(*(stand.parties for stand in agreement.stands))
            for pair in permutations(sorted(ever), 2):
                self._between.setdefault(pair, []).append(agreement)

    @property
    def agencies(self) -> list[str]:
        """Everybody who is or was party to an agreement that limits the time of an answer."""
        return sorted({agency for pair in self._between for agency in pair})

    def due(self, requester: str, target: str, requested_us: int) -> int | None:
        """When the answer is due; the earliest where several agreements are in force, None where none limits it."""
        found = self._between.get((requester, target))
        if found is None:
            return None
        dues = []
        for agreement in found:
            if not agreement.binds(requested_us):
                continue
            stand = agreement.at(requested_us)
            if stand.answer_within is not None and requester in stand.parties and target in stand.parties:
                dues.append(self._due_us(requested_us, stand.answer_within))
        return min(dues, default=None)

    def earliest_request_us(self, window_us: int) -> int:
        """A moment before which no request can have fallen due in the window that begins at ``window_us``."""
        back = 0
        for limit in {s.answer_within for a in self.agreements.values() for s in a.stands if s.answer_within}:

            def too_early(days: int, limit: Limit = limit) -> bool:
                asked = window_us - days * DAY_US
                return due_us(asked, limit.limit, limit.unit, self.workdays, self.zone) < window_us

            # A later request never falls due earlier, so the search may halve what is left.
            back = max(back, bisect.bisect_left(range(_DAYS_BACK_MAX), True, key=too_early))
        return window_us - back * DAY_US

    def _due_us(self, requested_us: int, limit: Limit) -> int:
        if limit.unit == "hours":
            return due_us(requested_us, limit.limit, limit.unit, self.workdays, self.zone)
        key = (limit, local_epoch_day(requested_us, self.zone))
        found = self._due.get(key)
        if found is None:
            found = due_us(requested_us, limit.limit, limit.unit, self.workdays, self.zone)
            self._due[key] = found
        return found


def referral_obligations(connection: Connection, limits: AnswerLimits, as_of_us: int, asking: Asking) -> Source:
    """The answers owed as of a moment: those that fell due in the window of ``asking``, and all that are not settled;
    those of other agencies than it names, and older ones, may be left out here already.

    Costs one pass over the referrals between agencies whose agreements limit the time of an answer, requested
    in the window or never answered, of which about twelve columns are read; and one count of those between the
    others. Nothing is kept of a row once it has been passed on.
    """
    table = TABLES["referrals"]
    columns = table.c
    agencies = limits.agencies
    settled = or_(*(columns[name] == 1 for name in (*_ANSWERS, "withdrawn")))
    wanted: ColumnElement[bool] = and_(
        columns.requested == 1,
        or_(
            columns.requested_at >= limits.earliest_request_us(asking.window_us),
            columns.requested_at.is_(None),
            func.coalesce(settled, False).is_(False),
            columns.disputed == 1,
        ),
    )
    if asking.debtor:
        wanted = and_(wanted, columns.target == asking.debtor)
    if asking.creditor:
        wanted = and_(wanted, columns.requester == asking.creditor)
    if asking.agency:
        wanted = and_(wanted, or_(columns.target == asking.agency, columns.requester == asking.agency))
    covered = and_(columns.requester.in_(agencies), columns.target.in_(agencies))
    not_owed: Counter[str] = Counter()

    def stream() -> Iterator[Obligation]:
        everyone = select(func.count()).select_from(table).where(wanted)
        uncovered = (connection.scalar(everyone) or 0) - (connection.scalar(everyone.where(covered)) or 0)
        if uncovered:
            not_owed[NO_LIMIT] += uncovered
        query = select(*_read(columns)).where(wanted, covered)
        for row in connection.execute(query).yield_per(_ROWS_AT_ONCE):
            if row.requested_at is None:
                not_owed[NO_MOMENT] += 1
                continue
            if row.requested_at > as_of_us:
                continue
            due = limits.due(row.requester, row.target, row.requested_at)
            if due is None:
                not_owed[NO_LIMIT] += 1
                continue
            yield _obligation(row, due, as_of_us)

    return Source(stream(), not_owed)


def _read(columns: Any) -> list[Any]:
    moments = [columns[f"{name}_at"] for name in (*_ANSWERS, "withdrawn", "disputed")]
    flags = [columns[name] for name in (*_ANSWERS, "withdrawn", "disputed")]
    named = [columns[name] for name in ("referral", "requested_at", "requester", "target", "need", "disputed_agency")]
    return [*named, *flags, *moments, columns.withdrawn_agency]


def _obligation(row: Any, due: int, as_of_us: int) -> Obligation:
    met: int | None = None
    for done, at in (
        (row.accepted, row.accepted_at),
        (row.declined, row.declined_at),
        (row.completed, row.completed_at),
        (row.failed, row.failed_at),
    ):
        # Of several answers the first that is dated; an undated one only where no other is.
        if done and (met is None or met == UNDATED or (at is not None and at < met)):
            met = at if at is not None else (UNDATED if met is None else met)
    if not row.withdrawn and not row.disputed:
        facts = Facts(due, met)
        remarks: tuple[Remark, ...] = ()
    else:
        remarks = heard(_remarks(row), as_of_us)
        answered = () if met is None else (met,)
        facts = Facts(due, met, moments(remarks, "waived"), moments(remarks, "disputed"), answered)
    return Obligation(
        "referral",
        row.referral,
        row.target,
        row.requester,
        f"Answer the referral for {(row.need or 'help').replace('_', ' ')}",
        f"referral/{row.referral}",
        row.requested_at,
        due,
        *fulfilment(met, as_of_us),
        state_of(facts, as_of_us),
        remarks,
    )


def _remarks(row: Any) -> tuple[Remark, ...]:
    """A requester that withdraws its request releases the target; either of the two may dispute the request."""
    remarks = []
    if row.withdrawn:
        releases = row.withdrawn_agency != row.target
        remarks.append(Remark("waived", row.withdrawn_agency, row.withdrawn_at, "The request was withdrawn.", releases))
    if row.disputed:
        counts = row.disputed_agency in (row.requester, row.target)
        remarks.append(Remark("disputed", row.disputed_agency, row.disputed_at, None, counts))
    return tuple(remarks)
