"""Where a projector stands, and whether that is a place in this log.

Here because views can outlive the log they were made from: after a backup was restored, a position beyond the head or
at an event of another digest tells that they are about another history.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import inspect, select
from sqlalchemy.engine import Connection

from contracts.partitioning import partition_of
from contracts.ports import Applied, LogReader
from contracts.recorded import Recorded
from streams.tables import PARTITIONS, POSITIONS

_READ_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """``log_index`` is the last that was applied or parked, ``digest`` that event's in hex ("" at 0), ``version`` the
    projector's."""

    version: str
    log_index: int
    digest: str


NOWHERE = Place("", 0, "")


def place(connection: Connection, name: str) -> Place:
    """Where the projector of a name stands; NOWHERE where it never has."""
    if not inspect(connection).has_table(POSITIONS.name):
        return NOWHERE
    query = select(POSITIONS.c.version, POSITIONS.c.log_index, POSITIONS.c.digest).where(POSITIONS.c.name == name)
    found = connection.execute(query).one_or_none()
    return NOWHERE if found is None else Place(*found)


def shared_places(connection: Connection, name: str) -> dict[int, int]:
    """Where each partition of a projector stands whose partitions workers share; none where one line follows the log
    alone."""
    if not inspect(connection).has_table(PARTITIONS.name):
        return {}
    query = select(PARTITIONS.c.partition, PARTITIONS.c.log_index).where(
        PARTITIONS.c.name == name, PARTITIONS.c.partition >= 0
    )
    return {row.partition: row.log_index for row in connection.execute(query)}


def gone_ahead(
    connection: Connection, reader: LogReader, name: str, partitions: int, upto: int
) -> tuple[list[Recorded], Applied] | None:
    """What partitions hold beyond ``upto``, which all of them hold: those events in order, and up to where
    the events about a subject are applied. None where they hold nothing more. Reads the log up to the furthest."""
    at = {number: max(upto, there) for number, there in shared_places(connection, name).items()}
    furthest = max(at.values(), default=upto)
    if furthest == upto:
        return None

    def applied(subject: str, _high: int = 0) -> int:
        return at.get(partition_of(subject, partitions), upto)

    events: list[Recorded] = []
    reached = upto
    while reached < furthest:
        found = reader.after(reached, min(_READ_EVENTS, furthest - reached))
        if not found:
            break
        reached = found[-1].log_index
        events += [event for event in found if event.log_index <= applied(event.subject)]
    return events, applied


def digest_at(reader: LogReader, log_index: int) -> str:
    """The hex digest of an event; "" for 0, and where the log holds no such event."""
    found = reader.at([log_index]) if log_index else ()
    return found[0].digest.hex() if found else ""


def wrong_log(found: Place, reader: LogReader) -> str:
    """Why views that stand there were made from another log than this one; "" where they were not."""
    head = reader.head().log_index
    if found.log_index > head:
        return f"the views hold {found.log_index} events, and the ledger {head}"
    if found.digest != digest_at(reader, found.log_index):
        return f"the views were made from another ledger: event {found.log_index} of it has another digest"
    return ""
