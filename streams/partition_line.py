"""The line of a worker: applies some partitions beside those who apply the others, a transaction a batch.

Here, and without the framework that delivers the messages, because what may be acknowledged is decided by the position
in our own database: a message is a hint that comes early, often or never, and what it leaves out is read from the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.engine import Connection

from contracts.faults import Fault, fault
from contracts.kafka_binding import Published
from contracts.partitioning import partition_of
from contracts.ports import Clock, Followed, LogReader, PartitionedProjector, Reach, Store, Turn
from contracts.recorded import Recorded
from streams.dialect import PASSING
from streams.feeding import Feeder, NotTogether
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
_MOVE = (
    update(PARTITIONS)
    .where(PARTITIONS.c.name == bindparam("whose"), PARTITIONS.c.partition == bindparam("which"))
    .values(log_index=bindparam("reached"))
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


class _Lane:
    """What is still to be applied of a partition: messages, and up to which log_index, whatever brings it."""

    def __init__(self, messages: Iterable[Published], upto: int = 0) -> None:
        came = list(messages)
        by_index = {message.event.log_index: message for message in came}
        self.messages = [by_index[log_index] for log_index in sorted(by_index)]
        self.upto = max([upto, *(message.event.log_index for message in self.messages[-1:])])
        self.position = -1
        # As they came: a message that names another before it than the one that came before it ends a chain. The
        # end of a chain vouches for what is in it, being sent by who had sent that before.
        self.ends = [one.event for one, after in pairwise(came) if after.prev != one.event.log_index]
        self.ends += [one.event for one in came[-1:]]

    @property
    def done(self) -> bool:
        return self.position >= self.upto


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
        # Where partitions stood and which rows there were: a guess, held against the rows once they are locked.
        self._positions: dict[tuple[int, int], int] = {}
        self._begun: set[tuple[int, int]] = set()

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
        return self._follow_one(partition, _Lane(messages))

    def take_many(self, messages: Mapping[int, Iterable[Published]]) -> dict[int, Fault]:
        """As ``take``, of several partitions together: a transaction then costs its statements once and not once a
        partition. Returns the partitions whose brake is applied, each with its ``projection_stopped``: they stand where
        they stood, and all others are applied to the end.

        Each partition goes by its own position. Where something cannot be applied, each is applied by itself, so that
        it is parked, and the brake applied, as if the partition had come alone.
        """
        return self._follow({partition: _Lane(some) for partition, some in messages.items()})

    def catch_up(self, partition: int, upto: int) -> int:
        """Applies or parks from the log what is missing of a partition up to a log_index; returns the position. Raises
        as ``take``.

        For messages that will never come: acknowledged unseen after a rebalance, or lost with their broker.
        """
        return self._follow_one(partition, _Lane((), upto))

    def advance(self, partition: int, upto: int) -> int:
        """As ``catch_up``, one batch of it."""
        lane = _Lane((), upto)
        standing: dict[int, Fault] = {}
        while not self._patiently(partial(self._round, {partition: lane}, standing)):
            continue
        for stopped in standing.values():
            raise stopped
        return lane.position

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

    def _follow_one(self, partition: int, lane: _Lane) -> int:
        for stopped in self._follow({partition: lane}).values():
            raise stopped
        return lane.position

    def _follow(self, lanes: dict[int, _Lane]) -> dict[int, Fault]:
        standing: dict[int, Fault] = {}
        while going := {number: lane for number, lane in lanes.items() if not (lane.done or number in standing)}:
            self._patiently(partial(self._round, going, standing))
        return standing

    def _round(self, lanes: dict[int, _Lane], standing: dict[int, Fault]) -> bool:
        """One transaction for all lanes that have anything to apply, as much as a batch holds; or one a lane, where
        something cannot be applied. Lanes are told where they stand; False where none was moved, because somebody else
        had moved them."""
        live = self.live()
        following = self._following(live, lanes)
        if not following:
            return True
        moved: dict[int, int] = {}
        try:
            moved = self._transact(live, following)
        except NotTogether:
            for partition, one in sorted(following.items()):
                try:
                    moved |= self._transact(live, {partition: one})
                except Fault as stopped:
                    if stopped.problem.code != "projection_stopped":
                        raise
                    standing[partition] = stopped
        except Fault as stopped:
            if stopped.problem.code != "projection_stopped":
                raise
            (partition,) = following
            standing[partition] = stopped
        for partition, position in moved.items():
            lanes[partition].position = position
        return bool(moved or standing)

    def _following(self, live: Live, lanes: dict[int, _Lane]) -> dict[int, _Next]:
        """What comes next on each lane, in all as much as a batch holds; nothing of those that are done."""
        found: dict[int, _Next] = {}
        room = self._batch_limit
        # What was remembered is enough to try, and not enough to say that there is nothing to do.
        for remembered in (True, False):
            unknown = {number: lane for number, lane in lanes.items() if number not in found}
            positions = self._stand(live, unknown, remembered=remembered)
            self._confirm([end for number, at in positions.items() for end in lanes[number].ends if end.log_index > at])
            for number, at in sorted(positions.items()):
                lane = lanes[number]
                if not remembered:
                    lane.position = at
                if room > 0 and at < lane.upto:
                    found[number] = following = self._next(number, at, lane, room)
                    room -= len(following.events)
            if found:
                break
        return found

    def _stand(self, live: Live, lanes: Iterable[int], *, remembered: bool) -> dict[int, int]:
        """Where partitions stand: those that are remembered, or all, read now."""
        if remembered:
            known = {number: self._positions.get((live.number, number)) for number in lanes}
            if all(at is not None for at in known.values()):
                return {number: at for number, at in known.items() if at is not None}
        with live.store.read() as connection:
            floor, _ = self._standing(connection, live)
            stored = _stored(connection, live.projector.name)
        return {number: max(floor, stored.get(number, 0)) for number in lanes}

    def _transact(self, live: Live, following: dict[int, _Next]) -> dict[int, int]:
        """One transaction; where those partitions then stand that were moved, which are those that stood where they
        were thought to. Raises ``NotTogether`` for several of which something cannot be applied."""
        events = _in_order(following)
        reach = live.projector.reach(events, self._reader)
        wanted = self._wanted(following, reach)
        self._begin_rows(live, wanted)
        brakes = {number: self._brakes.get((live.number, number), self._brake).copy() for number in following}
        try:
            # What nobody can name must not be applied meanwhile: then this transaction is the only one.
            with live.store.write() if reach.alone else live.store.share() as connection:
                moved = self._apply(connection, live, following, wanted, brakes)
        except Fault as stopped:
            if stopped.problem.code == "projection_stopped":
                ((partition, one),) = following.items()
                self._apply_brake(live, partition, one.position, stopped)
            raise
        for number, one in following.items():
            if number in moved:
                self._brakes[live.number, number] = brakes[number]
                self._positions[live.number, number] = one.reached
            else:
                self._positions.pop((live.number, number), None)
        return moved

    def _apply(
        self,
        connection: Connection,
        live: Live,
        following: dict[int, _Next],
        wanted: set[int],
        brakes: dict[int, Brake],
    ) -> dict[int, int]:
        """Applies a batch and moves the positions, of those partitions that stand where they were thought to."""
        name = live.projector.name
        stored = self._lock(connection, live, wanted)
        floor, brake_reason = self._standing(connection, live)
        positions = {number: max(floor, log_index) for number, log_index in stored.items()}
        alone = len(following) == 1
        following = {number: one for number, one in following.items() if positions.get(number) == one.position}
        if not following or len(stored) < len(wanted):
            return {}
        turn = self._turn(live, positions, {number: one.reached for number, one in following.items()})
        feeder = Feeder(turn, self._reader, Shelf(name), self._clock)
        events = _in_order(following)
        if alone:
            (brake,) = brakes.values()
            feeder.take_in(connection, events, brake)
        else:
            free = {event.log_index for event in feeder.take_in_together(connection, events)}
            for number, one in following.items():
                brakes[number].applied(sum(event.log_index in free for event in one.events))
        if any(brake_reason.startswith(_of(number)) for number in following):
            connection.execute(delete(BRAKES).where(BRAKES.c.name == name, BRAKES.c.reason == brake_reason))
        moved = {number: one.reached for number, one in following.items()}
        connection.execute(
            _MOVE, [{"whose": name, "which": number, "reached": at} for number, at in sorted(moved.items())]
        )
        # Last, because from here on the other partitions may have to wait for this transaction to end.
        turn.finish(connection)
        return moved

    def _wanted(self, following: Iterable[int], reach: Reach) -> set[int]:
        """The rows of ``partitions`` that a batch needs for itself."""
        wanted = {*following, *(partition_of(subject, self._partitions) for subject in reach.subjects)}
        if reach.alone:
            wanted.update(range(self._partitions))
        if reach.shared:
            wanted.add(SHARED)
        return wanted

    def _begin_rows(self, live: Live, wanted: set[int]) -> None:
        """Makes rows of ``partitions`` that there never were, before any is locked: a transaction that waits for a row
        to be made while it holds others might wait in a circle."""
        missing = sorted(number for number in wanted if (live.number, number) not in self._begun)
        if missing:
            with live.store.share() as connection:
                # Looked for first: to make a row that somebody moves at the moment waits for him.
                there = _stored(connection, live.projector.name)
                for number in missing:
                    if number not in there:
                        connection.execute(_BEGIN, {"name": live.projector.name, "partition": number})
            self._begun.update((live.number, number) for number in missing)

    def _lock(self, connection: Connection, live: Live, wanted: set[int]) -> dict[int, int]:
        """Locks rows of ``partitions``, always in one order; what stands in each of them, and nothing for one that is
        not there any more."""
        rows = (
            select(PARTITIONS.c.partition, PARTITIONS.c.log_index)
            .where(PARTITIONS.c.name == live.projector.name, PARTITIONS.c.partition.in_(sorted(wanted)))
            .order_by(PARTITIONS.c.partition)
            .with_for_update()
        )
        found = {row.partition: row.log_index for row in connection.execute(rows)}
        self._begun.difference_update((live.number, number) for number in wanted - set(found))
        return found

    def _turn(self, live: Live, positions: dict[int, int], reached: dict[int, int]) -> Turn:
        """``reached`` is where the partitions of this transaction will stand: of each, what is in the batch up to some
        log_index, or was applied before."""

        def applied(subject: str, high: int) -> int:
            place = partition_of(subject, self._partitions)
            position = positions.get(place, 0)
            return max(position, min(high, reached[place])) if place in reached else position

        return live.projector.turn(applied)

    def _standing(self, connection: Connection, live: Live) -> tuple[int, str]:
        """The position up to which every partition is applied, and why one of them stands still ("" where none)."""
        name = live.projector.name
        reason = select(BRAKES.c.reason).where(BRAKES.c.name == name).scalar_subquery()
        query = select(POSITIONS.c.version, POSITIONS.c.log_index, reason).where(POSITIONS.c.name == name)
        row = connection.execute(query).one_or_none()
        if row is None or row.version != live.projector.version:
            made = "none" if row is None else f"of version {row.version}"
            raise fault(
                "views_behind",
                f"The views of generation {live.number} are {made}; this program makes {live.projector.version}.",
                hint="Run tallystick rebuild.",
            )
        return int(row.log_index), row[2] or ""

    def _next(self, partition: int, position: int, lane: _Lane, limit: int) -> _Next:
        """What comes next on a partition: from the messages while they go on where it stands, else from the log."""
        events: list[Recorded] = []
        at = position
        for message in lane.messages:
            if message.event.log_index <= at:
                continue
            if message.prev > at:
                at = self._read(partition, at, message.prev, events, limit)
                if at < message.prev:
                    break
                chained = bool(events) and events[-1].log_index == message.prev
            else:
                # The first may name one that was applied long ago: the position need not be one of the partition's.
                chained = not events or events[-1].log_index == message.prev
            if not chained:
                raise _broken(message.event.log_index, f"names {message.prev} as the one before it, which it is not")
            if len(events) >= limit:
                break
            events.append(message.event)
            at = message.event.log_index
        else:
            at = self._read(partition, at, lane.upto, events, limit)
        return _Next(position, events, at)

    def _read(self, partition: int, at: int, upto: int, events: list[Recorded], limit: int) -> int:
        """Adds the partition's events behind ``at`` from the log, up to ``upto`` or ``limit`` of them; returns how far
        it came."""
        while at < upto and len(events) < limit:
            found = self._reader.after(at, min(_READ_EVENTS, upto - at))
            if not found:
                raise fault("integrity_broken", f"The log ends at {at}; the topic of events goes on to {upto}.")
            for event in found:
                if len(events) >= limit:
                    break
                at = event.log_index
                if partition_of(event.subject, self._partitions) == partition:
                    events.append(event)
        return at

    def _confirm(self, ends: Sequence[Recorded]) -> None:
        """Raises ``integrity_broken`` where the log does not have the event at the end of a chain of messages: the
        topic is another ledger's, or the log was put back to an earlier state."""
        if not ends:
            return
        there = {event.log_index: event.digest for event in self._reader.at(sorted({one.log_index for one in ends}))}
        for end in ends:
            if there.get(end.log_index) != end.digest:
                raise _broken(end.log_index, "is one which the log does not have")

    def _replay(self, live: Live, shelf: Shelf, key: str) -> tuple[int, int]:
        with live.store.write() as connection:
            floor, _ = self._standing(connection, live)
            stored = _stored(connection, live.projector.name)
            positions = {number: max(floor, stored.get(number, 0)) for number in range(self._partitions)}
            turn = self._turn(live, positions, {})
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


def _in_order(following: Mapping[int, _Next]) -> list[Recorded]:
    """The events of several partitions in the order of the log."""
    return sorted((event for one in following.values() for event in one.events), key=lambda event: event.log_index)


def _broken(log_index: int, detail: str) -> Fault:
    return fault(
        "integrity_broken",
        f"Event {log_index} of the topic of events {detail}.",
        hint="Follow another topic: set another topic_prefix.",
        log_index=log_index,
    )


def _of(partition: int) -> str:
    """How the reason begins for which a partition stands still."""
    return f"Partition {partition}: "
