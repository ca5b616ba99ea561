"""The read models applied by partitions, beside those who apply the other partitions.

Here because one process folds as fast as one process can: the declarations are those of ``views``, but nothing is
remembered from one transaction to the next and no row is written that every transaction would have to write. What is
superseded is asked of the table, for the events at hand alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.ports import Applied, LogReader, Reach, Turn
from contracts.recorded import Recorded
from projections import dialect, statements
from projections.corrections import LEARN, Target, superseding
from projections.fold import Dirty, Fold
from projections.merges import DataKey
from projections.tables import DIRTY_PERIODS, SUPERSEDED, VIEW_STATE
from projections.tallies import Counted, add, count
from projections.views import Views

EVERY_INDEX = 2**62
"""Greater than any log_index."""

_MARK = statements.insert_new(DIRTY_PERIODS)


class PartitionedViews(Views):
    """Every read model, for some of the partitions in a transaction that may run beside others.

    A row belongs to the partition of its subject. Two kinds of rows do not: those of a subject that a correction from
    another partition reaches, and those that are keyed by what events say and not by what they are about. ``reach``
    names them, and the caller holds their locks.
    """

    def reach(self, batch: Sequence[Recorded], reader: LogReader) -> Reach:
        """The subjects of what the batch supersedes, by what the log holds now; ``alone`` where it holds a target not
        yet, because nobody could be kept from applying that meanwhile."""
        shared = not self._shared_types.isdisjoint(event.type for event in batch)
        wanted = {(source, event_id) for source, event_id, *_ in superseding(batch)}
        if not wanted:
            return Reach(frozenset(), shared, alone=False)
        found = [
            event for chunk in statements.chunks(sorted(wanted)) for event in reader.by_identity(chunk, EVERY_INDEX)
        ]
        there = {(event.source, event.id) for event in found}
        return Reach(frozenset(event.subject for event in found), shared, alone=there != wanted)

    def turn(self, applied: Applied) -> Turn:
        """What applies the events of one transaction; ``applied`` bounds what a row is folded again from."""
        return ViewsTurn(self._fold, self.zone, applied)

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        """Folds a batch in a transaction that is the only one: as a runner does, and when parked events are replayed.

        Other than with a turn, a row that is folded again takes in what the log holds of its subject by now.
        """
        turn = self.turn(lambda _subject, _high: EVERY_INDEX)
        turn.apply(connection, batch, reader)
        turn.finish(connection)

    @cached_property
    def _shared_types(self) -> frozenset[str]:
        return frozenset(name for model in self._models if isinstance(model.key, DataKey) for name in model.types)


def note_high_water(connection: Connection, log_index: int) -> None:
    """Says up to which event anything was folded in, which bounds what explanations and histories read of the log.

    To be called by whoever is alone on the views, with the greatest place of any partition: each transaction of a
    partition would have to wait for the others' if it said so itself.
    """
    statements.write_rows(connection, statements.upsert(VIEW_STATE), [("high_water", log_index)])


class ViewsTurn:
    """One transaction of some partitions: events into rows at once, what all partitions share at its end."""

    def __init__(self, fold: Fold, zone: str, applied: Applied) -> None:
        self._fold = fold
        self._zone = zone
        self._applied = applied
        self._counted = Counted()
        self._dirty: Dirty = set()

    def key(self, event: Recorded) -> str:
        """The subject."""
        return event.subject

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        """Folds a batch: what it supersedes, its live events, the rows that superseded ones had touched.

        Where it raises, only the caller's savepoint has to be taken back.
        """
        if not batch:
            return
        new = _learn(connection, batch)
        dirty = self._fold.fold(connection, _live(connection, batch))
        if new:
            dirty |= self._correct(connection, reader, new, max(event.log_index for event in batch))
        counted = count(batch, self._zone)
        self._counted.take_in(counted)
        self._dirty |= dirty

    def finish(self, connection: Connection) -> None:
        """Writes tallies and marks, sorted. Everything before was this partition's alone; from here on others wait."""
        self._dirty |= add(connection, self._counted)
        # Marks that are there stay until this transaction ends, being taken over alone: only new ones are written.
        there = {tuple(row) for row in connection.execute(select(DIRTY_PERIODS))} if self._dirty else set()
        statements.write_rows(connection, _MARK, sorted(self._dirty - there))

    def _correct(self, connection: Connection, reader: LogReader, new: set[Target], high: int) -> Dirty:
        """Folds again every row that an event has touched which is superseded from now on."""
        dirty: Dirty = set()
        for chunk in statements.chunks(sorted({(source, event_id) for source, event_id, _ in new})):
            found = reader.by_identity(chunk, EVERY_INDEX)
            upto: dict[int, set[str]] = defaultdict(set)
            for event in found:
                if event.kind == "statement" and (event.source, event.id, event.agency) in new:
                    upto[self._applied(event.subject, high)].add(event.subject)
            for index, subjects in sorted(upto.items()):
                events = reader.by_subject(sorted(subjects), index)
                dirty |= self._fold.refold(connection, sorted(subjects), _live(connection, events))
        return dirty


def _learn(connection: Connection, batch: Sequence[Recorded]) -> set[Target]:
    """Adds what a batch supersedes; the targets that were not superseded before."""
    rows = superseding(batch)
    if not rows:
        return set()
    targets = {row[:3] for row in rows}
    new = targets - _superseded(connection, ((source, event_id) for source, event_id, _ in targets))
    statements.write_rows(connection, LEARN, sorted(rows))
    return new


def _live(connection: Connection, events: Sequence[Recorded]) -> list[Recorded]:
    """The events that nothing supersedes. Decisions cannot be superseded."""
    gone = _superseded(connection, ((event.source, event.id) for event in events if event.kind == "statement"))
    if not gone:
        return list(events)
    return [e for e in events if e.kind == "decision" or (e.source, e.id, e.agency) not in gone]


def _superseded(connection: Connection, identities: Iterable[tuple[str, str]]) -> set[Target]:
    """What of some identities is superseded, asked of the table as it is now."""
    by_source: dict[str, set[str]] = defaultdict(set)
    for source, event_id in identities:
        by_source[source].add(event_id)
    spoken = dialect.of(connection)
    found: set[Target] = set()
    for source, ids in sorted(by_source.items()):
        for wanted, parameters in spoken.among(sorted(ids)):
            sql = f"SELECT source, event_id, agency FROM {SUPERSEDED.name} WHERE source = ? AND event_id {wanted}"
            rows = connection.exec_driver_sql(spoken.sql(sql), (source, *parameters))
            found.update((source, event_id, agency) for source, event_id, agency in rows)
    return found
