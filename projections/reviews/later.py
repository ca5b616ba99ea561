"""What was recorded after a review: which subjects it is about, and what it takes away.

Read once for all the numbers of a review, from the typed columns of the log after it; the log before it is not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.ports import LogReader
from contracts.recorded import Recorded
from projections import statements
from projections.kpi.populations import table_of
from projections.kpi.stretches import EVENTS_AT_ONCE

Target = tuple[str, str, str]
"""(source, id, agency) of an event that another supersedes."""


@dataclass(slots=True)
class Later:
    """The events with ``after < log_index <= upto``.

    ``subjects`` are those they are about. ``taking`` are the events among them that supersede another, by log_index;
    ``taken`` the statements they take away (wherever in the log these stand), by identity; ``gone_before`` the
    identities superseded by the review, ``gone`` those superseded by now.
    """

    after: int
    upto: int
    subjects: set[str] = field(default_factory=set)
    taking: dict[int, Recorded] = field(default_factory=dict)
    taken: dict[Target, Recorded] = field(default_factory=dict)
    gone: set[Target] = field(default_factory=set)
    gone_before: set[Target] = field(default_factory=set)

    @classmethod
    def read(cls, connection: Connection, reader: LogReader, after: int, upto: int) -> Later:
        """Reads them; ``connection`` holds the views of the log up to ``upto``."""
        found = cls(after, upto)
        numbers: set[int] = set()
        superseding: list[int] = []
        for start in range(after, upto, EVENTS_AT_ONCE):
            hot = reader.hot_columns(start, min(upto, start + EVENTS_AT_ONCE))
            numbers.update(hot.subject_id.tolist())
            superseding.extend(hot.log_index[hot.supersedes].tolist())
        if numbers:
            names = reader.names()
            found.subjects = {names[number] for number in numbers}
        found.taking = {event.log_index: event for event in reader.at(superseding)} if superseding else {}
        identities = sorted({(source, id_) for source, id_, _ in map(target, found.taking.values())})
        for some in statements.chunks(identities):
            for event in reader.by_identity(some, upto):
                if event.kind == "statement":
                    found.taken[event.source, event.id, event.agency] = event
        table = table_of("superseded")
        rows = connection.execute(select(table.c.source, table.c.event_id, table.c.agency))
        found.gone = {(source, id_, agency) for source, id_, agency in rows}
        new = {target(event) for event in found.taking.values()}
        found.gone_before = (found.gone - new) | _taken_before(reader, after, new)
        return found

    def targets(self, log_indexes: Set[int]) -> set[Target]:
        """What some of these events take away, by identity."""
        return {target(self.taking[index]) for index in log_indexes & self.taking.keys()}

    def touching(self) -> dict[str, list[Recorded]]:
        """By subject, the later events that take a statement about it away."""
        found: dict[str, list[Recorded]] = defaultdict(list)
        for event in self.taking.values():
            gone = self.taken.get(target(event))
            if gone is not None:
                found[gone.subject].append(event)
        return found

    def taken_by(self, event: Recorded) -> Recorded | None:
        """The statement that an event takes away, None where it takes none away or its target is not in the ledger."""
        return None if event.supersedes is None else self.taken.get(target(event))


def target(event: Recorded) -> Target:
    """The identity that an event supersedes: one of its own source and agency."""
    return event.source, event.supersedes or "", event.agency


def _taken_before(reader: LogReader, upto: int, targets: set[Target]) -> set[Target]:
    """Those of some identities that were superseded by the review as well, by another event.

    The views keep that an identity is superseded, not by how many; so the log up to the review is asked, from its
    typed columns and the bodies of the superseding events alone, and only where anything was taken away since.
    """
    if not targets:
        return set()
    superseding: list[int] = []
    for start in range(0, upto, EVENTS_AT_ONCE):
        hot = reader.hot_columns(start, min(upto, start + EVENTS_AT_ONCE))
        superseding.extend(hot.log_index[hot.supersedes].tolist())
    found: set[Target] = set()
    for some in statements.chunks(superseding, 5_000):
        found |= targets & {target(event) for event in reader.at(some)}
    return found
