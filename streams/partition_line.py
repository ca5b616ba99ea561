"""The line of a worker: applies a partition beside those who apply the others, a transaction a batch.

Here, and without the framework that delivers the messages, because what may be acknowledged is decided by the position
in our own database: a message is a hint that comes early, often or never, and what it leaves out is read from the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import delete, select, text, update
from sqlalchemy.engine import Connection

from contracts.faults import Fault, fault
from contracts.kafka_binding import Published
from contracts.partitioning import partition_of
from contracts.ports import Clock, Followed, LogReader, PartitionedProjector, Reach, Store, Turn
from contracts.recorded import Recorded
from streams.dialect import PASSING
from streams.feeding import Feeder
from streams.quarantine import Brake, Shelf, error_text
from streams.runner import Replayed
from streams.tables import BRAKES, PARTITIONS, POSITIONS

T = TypeVar("T")

SHARED = -1
"""The row of ``partitions`` that is locked by whoever writes rows that several partitions write."""

_READ_EVENTS = 2_000
_BEGIN = text(
    "INSERT INTO partitions (name, partition, log_index) VALUES (:name, :partition, 0) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Live:
    """The generation that is followed: its store, and the projector that bears its name."""

    number: int
    store: Store
    projector: PartitionedProjector


@dataclass(frozen=True, slots=True)
class _Next:
    """The next batch of a partition that stands at ``position``, and where it stands afterwards: an event of its own or
    a place up to which the log has no other for it."""

    position: int
    events: list[Recorded]
    reached: int


class PartitionLine:
    """Applies partitions of the topic of events, each by one transaction at a time whoever else tries.

    Threads and processes may share partitions in any way: rows of ``partitions`` are locked, so that one waits, finds
    the position elsewhere and looks again. Where the live generation changes, the next batch goes on in the new one.
    ``projector`` makes what a generation is fed by from its number; ``sleep`` is how to wait between tries and returns
    at once when the line is to stop.
    """

    def __init__(
        self,
        reader: LogReader,
        generations: Followed,
        projector: Callable[[int], PartitionedProjector],
        *,
        partitions: int,
        clock: Clock,
        batch_limit: int = 2_000,
        brake_keys: int = 25,
        brake_window: int = 100,
        retries: int = 60,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._reader = reader
        self._generations = generations
        self._projector_of = projector
        self._partitions = partitions
        self._clock = clock
        self._batch_limit = batch_limit
        self._brake = Brake(keys_max=brake_keys, window=brake_window)
        self._retries = retries
        self._stopping = threading.Event()
        self._sleep = self._stopping.wait if sleep is None else sleep
        self._live: Live | None = None
        self._brakes: dict[tuple[int, int], Brake] = {}
        self._released: set[tuple[int, int]] = set()

    @property
    def partitions(self) -> int:
        """How many there are."""
        return self._partitions

    # What a worker calls

    def take(self, partition: int, messages: Iterable[Published]) -> int:
        """Applies or parks what messages of one partition bring, in order and whatever is missing between them; returns
        the position, committed: every message up to there may be acknowledged.

        Messages may come again, out of order and with holes. Blocks for as long as it takes; transient errors of the
        database are tried again with growing pauses. Raises ``projection_stopped`` where the brake is applied,
        ``views_behind`` where the database stays away or the views are of another version, ``integrity_broken`` where
        the log does not have what a message says.
        """
        waiting = {message.event.log_index: message for message in messages}
        ordered = [waiting[log_index] for log_index in sorted(waiting)]
        return self._follow(partition, ordered, ordered[-1].event.log_index if ordered else 0)

    def catch_up(self, partition: int, upto: int) -> int:
        """Applies or parks from the log what is missing of a partition up to a log_index; returns the position. Raises
        as ``take``.

        For messages that will never come: acknowledged unseen after a rebalance, or lost with their broker.
        """
        return self._follow(partition, [], upto)

    def advance(self, partition: int, upto: int) -> int:
        """As ``catch_up``, one batch of it."""
        position = None
        while position is None:
            position = self._patiently(partial(self._advance, partition, (), upto))
        return position

    def replay(self, key: str | None = None) -> Replayed:
        """Applies parked events again, of one key or of all, each key in order and in a transaction of its own that is
        the only one. What can be applied leaves the quarantine; a key stops at the first event that still cannot be."""
        live = self.live()
        shelf = Shelf(live.projector.name)
        with live.store.read() as connection:
            keys = shelf.keys(connection)
        applied = left = 0
        for parked in sorted(keys if key is None else keys & {key}):
            done, kept = self._patiently(partial(self._replay, live, shelf, parked))
            applied, left = applied + done, left + kept
        return Replayed(applied, left)

    def stop(self) -> None:
        """Ends the waiting between tries: what is under way fails instead of trying again. From any thread."""
        self._stopping.set()

    def live(self) -> Live:
        """The live generation, looked up now. Raises ``views_behind`` where there is none."""
        number = self._generations.live()
        if number == 0:
            raise fault("views_behind", "no views have been made yet", hint="Run tallystick rebuild.")
        if self._live is None or self._live.number != number:
            self._live = Live(number, self._generations.store(number), self._projector_of(number))
        return self._live

    # Inside

    def _follow(self, partition: int, messages: Sequence[Published], upto: int) -> int:
        position = -1
        while position < upto:
            found = self._patiently(partial(self._advance, partition, messages, upto))
            # None: somebody else moved the partition meanwhile.
            position = position if found is None else found
        return position

    def _advance(self, partition: int, messages: Sequence[Published], upto: int) -> int | None:
        """One transaction; where the partition then stands, None where it was moved before it could be locked."""
        live = self.live()
        name = live.projector.name
        with live.store.read() as connection:
            position = max(self._floor(connection, live), _stored(connection, name).get(partition, 0))
        following = self._next(partition, position, messages, upto)
        if following.reached <= position:
            return position
        reach = live.projector.reach(following.events, self._reader)
        key = live.number, partition
        brake = self._brakes.get(key, self._brake).copy()
        try:
            # What nobody can name must not be applied meanwhile: then this transaction is the only one.
            with live.store.write() if reach.alone else live.store.share() as connection:
                if not self._apply(connection, live, partition, following, reach, brake):
                    return None
        except Fault as stopped:
            if stopped.problem.code == "projection_stopped":
                self._apply_brake(live, partition, position, stopped)
            raise
        self._brakes[key] = brake
        self._released.add(key)
        return following.reached

    def _apply(
        self, connection: Connection, live: Live, partition: int, following: _Next, reach: Reach, brake: Brake
    ) -> bool:
        """Applies a batch and moves the position; False where that is elsewhere by now."""
        name = live.projector.name
        positions = self._lock(connection, live, partition, reach)
        if positions[partition] != following.position:
            return False
        turn = self._turn(live, positions, partition)
        feeder = Feeder(turn, self._reader, Shelf(name), self._clock)
        feeder.take_in(connection, following.events, brake)
        if (live.number, partition) not in self._released:
            braked = (BRAKES.c.name == name) & BRAKES.c.reason.startswith(_of(partition))
            connection.execute(delete(BRAKES).where(braked))
        connection.execute(
            update(PARTITIONS)
            .where(PARTITIONS.c.name == name, PARTITIONS.c.partition == partition)
            .values(log_index=following.reached)
        )
        # Last, because from here on the other partitions may have to wait for this transaction to end.
        turn.finish(connection)
        return True

    def _lock(self, connection: Connection, live: Live, partition: int, reach: Reach) -> dict[int, int]:
        """Locks the partition and those that the batch reaches, always in one order; where each of them stands."""
        name = live.projector.name
        wanted = {partition, *(partition_of(subject, self._partitions) for subject in reach.subjects)}
        if reach.alone:
            wanted.update(range(self._partitions))
        if reach.shared:
            wanted.add(SHARED)
        rows = (
            select(PARTITIONS.c.partition, PARTITIONS.c.log_index)
            .where(PARTITIONS.c.name == name, PARTITIONS.c.partition.in_(sorted(wanted)))
            .order_by(PARTITIONS.c.partition)
            .with_for_update()
        )
        found = {row.partition: row.log_index for row in connection.execute(rows)}
        if len(found) < len(wanted):
            for missing in sorted(wanted - set(found)):
                connection.execute(_BEGIN, {"name": name, "partition": missing})
            found = {row.partition: row.log_index for row in connection.execute(rows)}
        floor = self._floor(connection, live)
        return {number: max(floor, log_index) for number, log_index in found.items()}

    def _turn(self, live: Live, positions: dict[int, int], own: int | None) -> Turn:
        def applied(subject: str, high: int) -> int:
            place = partition_of(subject, self._partitions)
            position = positions.get(place, 0)
            return max(position, high) if place == own else position

        return live.projector.turn(applied)

    def _floor(self, connection: Connection, live: Live) -> int:
        """The position up to which every partition is applied."""
        query = select(POSITIONS.c.version, POSITIONS.c.log_index).where(POSITIONS.c.name == live.projector.name)
        row = connection.execute(query).one_or_none()
        if row is None or row.version != live.projector.version:
            made = "none" if row is None else f"of version {row.version}"
            raise fault(
                "views_behind",
                f"The views of generation {live.number} are {made}; this program makes {live.projector.version}.",
                hint="Run tallystick rebuild.",
            )
        return int(row.log_index)

    def _next(self, partition: int, position: int, messages: Sequence[Published], upto: int) -> _Next:
        """What comes next on a partition: from the messages while they go on where it stands, else from the log."""
        events: list[Recorded] = []
        at = position
        for message in messages:
            if message.event.log_index <= at:
                continue
            if message.prev > at:
                at = self._read(partition, at, message.prev, events)
                if at < message.prev:
                    break
            if len(events) >= self._batch_limit:
                break
            events.append(message.event)
            at = message.event.log_index
        else:
            at = self._read(partition, at, upto, events)
        if events:
            self._confirm(events[-1])
        return _Next(position, events, at)

    def _read(self, partition: int, at: int, upto: int, events: list[Recorded]) -> int:
        """Adds the partition's events behind ``at`` from the log, up to ``upto`` or as many as a batch holds; returns
        how far it came."""
        while at < upto and len(events) < self._batch_limit:
            found = self._reader.after(at, min(_READ_EVENTS, upto - at))
            if not found:
                raise fault("integrity_broken", f"The log ends at {at}; the topic of events goes on to {upto}.")
            for event in found:
                if len(events) >= self._batch_limit:
                    break
                at = event.log_index
                if partition_of(event.subject, self._partitions) == partition:
                    events.append(event)
        return at

    def _confirm(self, last: Recorded) -> None:
        """Raises ``integrity_broken`` where the log does not have the last event of a batch: the topic is another
        ledger's, or the log was put back to an earlier state."""
        there = self._reader.at([last.log_index])
        if not there or there[0].digest != last.digest:
            raise fault(
                "integrity_broken",
                f"The topic of events has an event {last.log_index} which the log does not have.",
                hint="Follow another topic: set another topic_prefix.",
                log_index=last.log_index,
            )

    def _replay(self, live: Live, shelf: Shelf, key: str) -> tuple[int, int]:
        with live.store.write() as connection:
            floor = self._floor(connection, live)
            stored = _stored(connection, live.projector.name)
            positions = {number: max(floor, stored.get(number, 0)) for number in range(self._partitions)}
            turn = self._turn(live, positions, None)
            done = Feeder(turn, self._reader, shelf, self._clock).replay(connection, key)
            turn.finish(connection)
        return done

    def _apply_brake(self, live: Live, partition: int, position: int, stopped: Fault) -> None:
        """Leaves word, for those who look from outside, of why a partition stands still: the last one to do so."""
        name = live.projector.name
        with live.store.write() as connection:
            connection.execute(delete(BRAKES).where(BRAKES.c.name == name))
            row = {
                "name": name,
                "log_index": position,
                "reason": _of(partition) + stopped.problem.detail,
                "stopped_at_us": self._clock(),
            }
            connection.execute(BRAKES.insert(), row)
        self._released.discard((live.number, partition))

    def _patiently(self, work: Callable[[], T]) -> T:
        """Tries again, with growing pauses, while the database is busy or away; then raises ``views_behind``."""
        for attempt in range(self._retries + 1):
            try:
                return work()
            except PASSING as error:
                if attempt == self._retries or self._stopping.is_set():
                    raise fault("views_behind", error_text(error)) from error
                self._sleep(min(5.0, 0.05 * 2 ** min(attempt, 10)))
        raise AssertionError("unreachable")


def _stored(connection: Connection, name: str) -> dict[int, int]:
    rows = connection.execute(select(PARTITIONS.c.partition, PARTITIONS.c.log_index).where(PARTITIONS.c.name == name))
    return {row.partition: row.log_index for row in rows}


def _of(partition: int) -> str:
    """How the reason begins for which a partition stands still."""
    return f"Partition {partition}: "
