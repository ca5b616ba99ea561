"""The obligations of commitments as rows to be counted: what the table holds, and what the agreement makes of it.

Here because K39 must judge a promise by the same rules as the lists do: before the agreement is in force and
after its end nothing is owed, and a debtor does not release itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from projections.obligations.commitments import dues
from projections.obligations.in_force import ALWAYS
from projections.obligations.states import state_of


def counted_rows(connection: Connection, zone: str) -> list[Mapping[str, Any]]:
    """Every period of every commitment, as a table would hold it: with whatever is recorded, and without a clock.

    Beside the table's columns ``agreement``; ``not_owed``, which is ``agreement_not_in_force``, ``agreement_ended``,
    ``no_longer_party`` or None; ``released`` and ``contested``, 1 where those entitled to it waived it, or dispute it
    and have not agreed since.
    """
    rows: list[Mapping[str, Any]] = []
    for due in dues(connection, ALWAYS, zone):
        state = state_of(due.facts, ALWAYS)
        rows.append(
            {
                **due.owed,
                "agreement": due.made["agreement"],
                "not_owed": due.not_owed,
                "released": int(state == "waived"),
                "contested": int(state == "disputed"),
            }
        )
    return rows
