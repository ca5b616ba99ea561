"""When an agency is a partner: its comings and goings, and what they mean at a moment.

Here because a number needs somebody who answers for it. Whether an owner does, and whether an agency's reports
are expected, follows from one rule: it has joined, and has not withdrawn after it last joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.kpi.populations import table_of


@dataclass(frozen=True, slots=True)
class Membership:
    """The moments (UTC microseconds) at which an agency joined and withdrew, each ascending.

    A joining without a moment counts as the earliest of all; after a withdrawal without one, nobody can say when
    the agency was a partner, so it never is (``left_undated``).
    """

    joined: tuple[int | None, ...] = ()
    withdrew: tuple[int, ...] = ()
    left_undated: bool = False

    def live(self, moment_us: int) -> bool:
        """Whether the agency is a partner at a moment."""
        if self.left_undated or not self.joined:
            return False
        dated = [at for at in self.joined if at is not None and at <= moment_us]
        if not dated and None not in self.joined:
            return False
        left = max((at for at in self.withdrew if at <= moment_us), default=None)
        return left is None or (bool(dated) and dated[-1] >= left)

    def absences(self) -> list[tuple[int, int | None]]:
        """(from, to) of every stretch from a withdrawal until the agency came back, None where it has not."""
        found: list[tuple[int, int | None]] = []
        for left in self.withdrew:
            if found and (found[-1][1] is None or left < found[-1][1]):
                continue
            found.append((left, next((at for at in self.joined if at is not None and at >= left), None)))
        return found

    def changes(self) -> Iterable[int]:
        """Every moment at which ``live`` may change."""
        return [*(at for at in self.joined if at is not None), *self.withdrew]


Memberships = Mapping[str, Membership]
"""By agency; one that is not in it has never joined."""


def memberships(connection: Connection) -> dict[str, Membership]:
    """The comings and goings of every agency that has spoken of itself."""
    table = table_of("agencies")
    rows = connection.execute(select(table.c.agency, table.c.joinings, table.c.withdrawals))
    return {agency: _membership(_times(joined), _times(withdrew)) for agency, joined, withdrew in rows}


def is_live(owner: str | None, partners: Memberships, moment_us: int) -> bool:
    """Whether an owner answers at a moment: named, and a partner then."""
    return owner is not None and owner in partners and partners[owner].live(moment_us)


def _membership(joined: list[int | None], withdrew: list[int | None]) -> Membership:
    first: tuple[int | None, ...] = (None,) if None in joined else ()
    dated = sorted(at for at in withdrew if at is not None)
    return Membership((*first, *sorted(at for at in joined if at is not None)), tuple(dated), None in withdrew)


def _times(collected: Any) -> list[int | None]:
    return [] if collected is None else [entry["time"] for entry in orjson.loads(collected)]
