"""The duty to answer a referral: by the limit of the agreement in force between both when it was requested.

Here because a referral nobody answers is a person nobody helps, and no one sends an event about silence. This
is the one kind that grows with the work itself, so its read is kept narrow.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations
from typing import Any, NamedTuple

import orjson
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
"""What answers a referral: a yes, a no, or the end of it by the target, which is more than an answer. The requester's
own word is none: who asked cannot answer."""


class Span(NamedTuple):
    """A time during which one agreement limits the answers between two agencies; both ends belong to it."""

    first_us: int
    last_us: int
    limit: Limit


@dataclass
class AnswerLimits:
    """When the answer to a request is due, remembered by day: a limit in days depends on no more than that."""

    agreements: Mapping[str, Agreement]
    workdays: Workdays
    zone: str
    _due: dict[tuple[Limit, int], int] = field(default_factory=dict)
    _between: dict[tuple[str, str], list[Span]] = field(init=False)

    def __post_init__(self) -> None:
        self._between = {}
        for agreement in self.agreements.values():
            for first, last, stand in agreement.spans():
                if stand.answer_within is not None:
                    for pair in permutations(sorted(stand.parties), 2):
                        self._between.setdefault(pair, []).append(Span(first, last, stand.answer_within))

    @property
    def agencies(self) -> list[str]:
        """Everybody who is or was party to an agreement that limits the time of an answer."""
        return sorted({agency for pair in self._between for agency in pair})

    def due(self, requester: str, target: str, requested_us: int) -> int | None:
        """When the answer is due; the earliest where several agreements are in force, None where none limits it."""
        found = None
        for span in self._between.get((requester, target), ()):
            if span.first_us <= requested_us <= span.last_us:
                due = self._due_us(requested_us, span.limit)
                if found is None or due < found:
                    found = due
        return found

    def earliest_request_us(self, window_us: int) -> int:
        """A moment before which no request can have fallen due in the window that begins at ``window_us``."""
        back = 0
        for limit in {span.limit for spans in self._between.values() for span in spans}:

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
    # Never more than what is settled: a row that is read for nothing costs little, one left out hides what is owed.
    settled = or_(
        *(_by_another(columns, answer, "requester", as_of_us) for answer in _ANSWERS),
        _by_another(columns, "withdrawn", "target", as_of_us),
    )
    wanted: ColumnElement[bool] = and_(
        columns.requested == 1,
        or_(
            columns.requested_at >= limits.earliest_request_us(asking.window_us),
            columns.requested_at.is_(None),
            func.coalesce(settled, False).is_(False),
            columns.disputes.is_not(None),
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
            requested = row[1]
            if requested is None:
                not_owed[NO_MOMENT] += 1
                continue
            if requested > as_of_us:
                continue
            due = limits.due(row[2], row[3], requested)
            if due is None:
                not_owed[NO_LIMIT] += 1
                continue
            yield _obligation(row, due, as_of_us)

    return Source(stream(), not_owed)


def _by_another(columns: Any, step: str, than: str, as_of_us: int) -> ColumnElement[bool]:
    """Whether the first statement of a step is another agency's than the one in a column, and had been made by then."""
    at = columns[f"{step}_at"]
    return and_(columns[step] == 1, columns[f"{step}_agency"] != columns[than], or_(at.is_(None), at <= as_of_us))


def _read(columns: Any) -> list[Any]:
    """In the order in which ``_obligation`` takes them apart."""
    named = ("referral", "requested_at", "requester", "target", "need", "withdrawals", "disputes")
    answers = [columns[name] for answer in _ANSWERS for name in (answer, f"{answer}_at", f"{answer}_agency")]
    return [*(columns[name] for name in named), *answers]


@lru_cache(maxsize=1_024)
def _what(need: str | None) -> str:
    return f"Answer the referral for {(need or 'help').replace('_', ' ')}"


def _obligation(row: Any, due: int, as_of_us: int) -> Obligation:
    # Taken apart by place: half a million rows go through here, and a look-up by name would cost as much as the rest.
    referral, requested, requester, target, need, withdrawals, disputes = row[:7]
    met: int | None = None
    for place in (7, 10, 13, 16):
        if row[place] and row[place + 2] != requester:
            at = row[place + 1]
            # Of several answers the first that is dated; an undated one only where no other is.
            if met is None or met == UNDATED:
                met = UNDATED if at is None else at
            elif at is not None and at < met:
                met = at
    remarks: tuple[Remark, ...] = ()
    if withdrawals or disputes:
        remarks = heard(_remarks(row), as_of_us)
        answered = () if met is None else (met,)
        facts = Facts(due, met, moments(remarks, "waived"), moments(remarks, "disputed"), answered)
    else:
        facts = Facts(due, met)
    return Obligation(
        "referral",
        referral,
        target,
        requester,
        _what(need),
        f"referral/{referral}",
        requested,
        due,
        *fulfilment(met, as_of_us),
        state_of(facts, as_of_us),
        remarks,
    )


def _remarks(row: Any) -> tuple[Remark, ...]:
    """Any agency but the target that withdraws the request releases the target; either of the two sides may dispute it.

    Everything that was said is told, so that no statement hides behind an earlier one that does not count.
    """
    return (
        *(
            Remark("waived", said["agency"], said["time"], "The request was withdrawn.", said["agency"] != row.target)
            for said in _in_turn(row.withdrawals)
        ),
        *(
            Remark(
                "disputed", said["agency"], said["time"], said["reason"], said["agency"] in (row.requester, row.target)
            )
            for said in _in_turn(row.disputes)
        ),
    )


def _in_turn(collected: str | None) -> list[dict[str, Any]]:
    """Statements by their time, undated ones last."""
    found = [] if collected is None else orjson.loads(collected)
    return sorted(found, key=lambda said: (said["time"] is None, said["time"] or 0, said["source"], said["id"]))
