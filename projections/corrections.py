"""Which events are superseded, and what that means for rows already folded.

Here because a correction is the one thing that is not a merge: it takes an event away. The set of
superseded identities only grows, so it is itself a merge; the rows its targets had touched are folded again
from the log. Only the agency that made a statement takes it away: what another agency says about it is
recorded and changes nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.engine import Connection, Engine

from contracts.recorded import Recorded
from projections import statements
from projections.tables import SUPERSEDED, VIEW_STATE

Target = tuple[str, str, str]
"""(source, id, agency): the event of this identity, if it is a statement of this agency."""

SupersededRow = tuple[str, str, str, str, str, int]
"""A target, the (source, id) of what supersedes it, and when the ledger knew (UTC microseconds)."""

LEARN = (
    statements.insert(SUPERSEDED)
    + " ON CONFLICT (source, event_id, agency) DO UPDATE SET "
    + ", ".join(statements.lesser(SUPERSEDED, column) for column in ("by_id", "known_at"))
)
_COUNT = "superseded"


def superseding(events: Iterable[Recorded]) -> list[SupersededRow]:
    """Rows of the table ``superseded`` that follow from some events."""
    return [
        (event.source, event.supersedes, event.agency, event.source, event.id, event.recorded_at_us)
        for event in events
        if event.supersedes is not None
    ]


class Corrections:
    """The superseded identities, kept in memory and never trusted across transactions.

    A transaction that rolled back, another process that rebuilt, or another store leaves the memory out of
    step with the table. Sets of superseded identities of one log are nested, so comparing their sizes
    tells: ``sync`` reads the stored size, and reads the table again where it differs.
    """

    def __init__(self) -> None:
        self._known: set[Target] = set()
        self._engine: weakref.ref[Engine] | None = None

    def sync(self, connection: Connection) -> None:
        """Brings the memory in line with the table; to be called first in every transaction."""
        stored = connection.scalar(select(VIEW_STATE.c.value).where(VIEW_STATE.c.name == _COUNT)) or 0
        same_store = self._engine is not None and self._engine() is connection.engine
        if same_store and stored == len(self._known):
            return
        rows = connection.execute(select(SUPERSEDED.c.source, SUPERSEDED.c.event_id, SUPERSEDED.c.agency))
        self._known = {(source, event_id, agency) for source, event_id, agency in rows}
        self._engine = weakref.ref(connection.engine)

    def learn(self, connection: Connection, batch: Sequence[Recorded]) -> list[Target]:
        """Adds what a batch supersedes; returns the targets that were not superseded before."""
        rows = superseding(batch)
        if not rows:
            return []
        new = {row[:3] for row in rows} - self._known
        statements.write_rows(connection, LEARN, rows)
        self._known |= new
        self.remember_size(connection, len(self._known))
        return sorted(new)

    def is_live(self, event: Recorded) -> bool:
        """Whether an event contributes to rows. Decisions cannot be superseded."""
        return event.kind == "decision" or (event.source, event.id, event.agency) not in self._known

    def forget(self) -> None:
        """Drops the memory, so that the next ``sync`` reads the table."""
        self._known = set()
        self._engine = None

    @staticmethod
    def remember_size(connection: Connection, size: int) -> None:
        """Stores how many identities are superseded, beside them."""
        statements.write_rows(connection, statements.upsert(VIEW_STATE), [(_COUNT, size)])


def write_superseded(connection: Connection, rows: Sequence[SupersededRow]) -> None:
    """Writes the table in one go, for a rebuild into an empty one."""
    statements.write_rows(connection, LEARN, rows)
    Corrections.remember_size(connection, len({row[:3] for row in rows}))
