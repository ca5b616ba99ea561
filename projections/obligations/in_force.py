"""Which agreement binds whom at a moment: parties, last day and terms as the amendments then in force have them.

Here because a promise is judged by the agreement as it stood when it was called upon, not as it reads today; whether
an answer, a delivery or a silence is judged, all of them ask this one rule.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.moments import day_end_us, day_start_us
from projections.obligations.states import UNDATED, moment_of
from projections.obligations.workdays import UNITS, Unit
from projections.tables import TABLES

ALWAYS = 2**63 - 1
"""The last moment of what has no end."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Within what time a request is to be answered."""

    limit: int
    unit: Unit

    def words(self) -> str:
        """Such as ``2 business days`` or ``1 hour``."""
        unit = self.unit.replace("_", " ")
        return f"{self.limit} {unit[:-1] if self.limit == 1 else unit}"


@dataclass(frozen=True, slots=True)
class Stand:
    """An agreement from one amendment to the next; ``since_us`` is UNDATED for what was signed."""

    since_us: int
    parties: frozenset[str]
    expires_us: int | None
    answer_within: Limit | None
    confirm_within_days: int | None


@dataclass(frozen=True)
class Agreement:
    """One agreement as signed and amended. It binds from the first moment of its effective day until its last day
    is over or it is ended, whichever comes first. From the moment of its ending on it binds no longer."""

    agreement: str
    effective_us: int
    ended_us: int | None
    stands: tuple[Stand, ...]

    def at(self, moment_us: int) -> Stand:
        """The amendment in force at a moment, what was signed before the first one; binding or not."""
        place = bisect.bisect_right(self.stands, moment_us, key=lambda stand: stand.since_us)
        return self.stands[max(0, place - 1)]

    def binds_at(self, moment_us: int) -> bool:
        """Whether it is in force at a moment."""
        return self.effective_us <= moment_us and not self.over_at(moment_us)

    def over_at(self, moment_us: int) -> bool:
        """Whether it has ended or expired by a moment."""
        expires = self.at(moment_us).expires_us
        return (self.ended_us is not None and self.ended_us <= moment_us) or (
            expires is not None and expires < moment_us
        )

    def spans(self) -> Iterator[tuple[int, int, Stand]]:
        """(first moment, last moment, stand) of every time during which it binds in one form, oldest first."""
        for place, stand in enumerate(self.stands):
            first = max(self.effective_us, stand.since_us)
            following = self.stands[place + 1 :][:1]
            ends = [other.since_us - 1 for other in following]
            ends += [] if stand.expires_us is None else [stand.expires_us]
            ends += [] if self.ended_us is None else [self.ended_us - 1]
            last = min(ends, default=ALWAYS)
            if first <= last:
                yield first, last, stand


def agreements(connection: Connection, as_of_us: int, zone: str) -> dict[str, Agreement]:
    """Every signed agreement by its id, as decided by ``as_of_us``."""
    table = TABLES["agreements"]
    rows = connection.execute(select(table).where(table.c.signed == 1).order_by(table.c.agreement)).mappings()
    return {row["agreement"]: agreement_of(row, as_of_us, zone) for row in rows}


def agreement_of(row: Mapping[Any, Any], as_of_us: int, zone: str) -> Agreement:
    """An agreement from its row. An amendment replaces what it names and leaves the rest as it stood."""
    terms = _loads(row["signed_terms"]) or {}
    stand = Stand(
        UNDATED,
        frozenset(_loads(row["signed_parties"]) or ()),
        _last(row["signed_expires"], zone),
        _within(terms),
        terms.get("confirm_within_days"),
    )
    stands = [stand]
    for amendment in sorted(_loads(row["amendments"]) or (), key=_order):
        at = moment_of(amendment["time"])
        if at > as_of_us:
            continue
        terms = amendment["terms"]
        stand = Stand(
            at,
            stand.parties if amendment["parties"] is None else frozenset(amendment["parties"]),
            stand.expires_us if amendment["expires"] is None else _last(amendment["expires"], zone),
            stand.answer_within if terms is None else _within(terms),
            stand.confirm_within_days if terms is None else terms.get("confirm_within_days"),
        )
        stands.append(stand)
    ended = row["ended_at"]
    effective = row["effective"]
    return Agreement(
        row["agreement"],
        UNDATED if effective is None else day_start_us(effective, zone),
        ended if ended is not None and ended <= as_of_us else None,
        tuple(stands),
    )


def _loads(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _order(entry: Mapping[str, Any]) -> tuple[int, str, str]:
    return (moment_of(entry["time"]), entry["source"], entry["id"])


def _last(day: str | None, zone: str) -> int | None:
    return None if day is None else day_end_us(day, zone)


def _within(terms: Mapping[str, Any]) -> Limit | None:
    found = terms.get("answer_within")
    if found is None or found["unit"] not in UNITS:
        return None
    return Limit(int(found["limit"]), found["unit"])
