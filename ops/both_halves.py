"""What the reconciliation pages, commands and interface ask of a house, in the words they were asked in.

Here so that a misspelt agency or state is told the same way wherever somebody asks; the reading itself is pure and
takes only what is known to exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, union

from contracts.faults import fault
from projections.halves.facts import FACTS
from projections.halves.sums import Reconciliation, reconciliation
from projections.halves.walk import NOBODY, WANTED, Walk, Wanted, walk
from projections.kpi.periods import ALL, known_period
from projections.kpi.shapes import AsOf
from projections.tables import ENTRIES, TABLES

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ops.house import House


def sums(house: House, as_of: AsOf, period: str = "") -> Reconciliation:
    """How both halves stand over all partners. Raises ``Fault`` code ``period_invalid``."""
    when = known_period(period or ALL)
    with house.reading(as_of) as connection:
        return reconciliation(connection, as_of, house.zone, period=when)


def walked(
    house: House,
    as_of: AsOf,
    one: str,
    other: str,
    *,
    fact: str = "",
    state: str = "",
    period: str = "",
    limit: int = 50,
    offset: int = 0,
) -> Walk:
    """The list of two agencies, or of one and nobody named (``-``); "" narrows to nothing.

    Raises ``Fault`` codes ``agency_unknown``, ``request_invalid`` and ``period_invalid``.
    """
    when = known_period(period or ALL)
    if fact and fact not in FACTS:
        raise fault("request_invalid", f"there is no shared fact {fact[:50]!r}; there are {', '.join(FACTS)}", "/fact")
    wanted = _state(state)
    if one == other:
        raise fault("request_invalid", f"{one[:100]!r} is named twice; a list is between two different agencies")
    with house.reading(as_of) as connection:
        found = walk(
            connection,
            house.reader,
            one,
            other,
            as_of=as_of,
            zone=house.zone,
            fact=fact or None,
            state=wanted,
            period=when,
            limit=limit,
            offset=offset,
        )
        for agency in (one, other):
            # One that is only ever named by others has sent nothing, and may still be waited for.
            if agency != NOBODY and not found.items and not _is_known(connection, agency):
                raise fault("agency_unknown", f"there is no agency {agency[:100]!r}")
    if one == NOBODY:
        raise fault("agency_unknown", f"{NOBODY!r} stands for nobody, and can only be the second of the two")
    return found


def _state(state: str) -> Wanted | None:
    if not state:
        return None
    found = next((wanted for wanted in WANTED if wanted == state), None)
    if found is None:
        raise fault("request_invalid", f"there is no state {state[:50]!r}; there are {', '.join(WANTED)}", "/state")
    return found


def _is_known(connection: Connection, agency: str) -> bool:
    agencies = TABLES["agencies"].c.agency
    asked = union(
        select(agencies).where(agencies == agency),
        select(ENTRIES.c.agency).where(ENTRIES.c.agency == agency),
    ).limit(1)
    return connection.execute(asked).first() is not None
