"""The relay: sends every recorded event to the topic of events, in the order of the log, at least once.

Here because the ledger is the truth and the broker a messenger: the position is kept in the database, moved only
after the broker acknowledged, and only by the one relay that holds the lease. What a crash leaves unsaved is sent
again, the same to the byte; readers tell it by ``log_index`` and ``prev``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from sqlalchemy.engine import Connection

from contracts.faults import Fault
from contracts.kafka_binding import outgoing
from contracts.partitioning import partition_of
from contracts.ports import Clock, LogReader, Store
from contracts.recorded import Recorded
from streams.dialect import PASSING
from streams.kafka import relay_position
from streams.kafka.connecting import AWAY, Brokers, away_text
from streams.kafka.producing import Producer, Sent, producing
from streams.kafka.relay_position import RelayPosition
from streams.kafka.topics import Topic, ensure
from streams.leases import Lease, Leases

T = TypeVar("T")

POLL_S: Final = 0.1
"""How often an idle relay looks for new events."""
BACK_OFF_MAX_S: Final = 5.0
BATCH_EVENTS: Final = 2_000
PORTION_BYTES: Final = 4 * 1024 * 1024
"""Bytes of events that are sent, and their position saved, at once: each portion has the producer's time for itself."""

State = Literal["stopped", "waiting", "sending", "broker_away", "database_away"]
"""``waiting`` for another relay to give up or lose its lease; ``sending`` also when there is nothing to send."""

_FATAL: Final = frozenset({"topic_unsuitable", "integrity_broken", "not_migrated"})


@dataclass(frozen=True, slots=True)
class RelayStanding:
    """How a relay is doing, for metrics and health: ``position`` and ``head`` as it last saw them, ``sent`` messages
    since it was made (repeats counted), ``error`` what it is waiting out."""

    state: State
    position: int
    head: int
    sent: int
    takeovers: int
    error: str | None


class Relay:
    """Sends to one topic for as long as it holds the lease, and otherwise waits for it.

    ``holder`` names this process and no other. ``step`` is called with a name before each step that a crash could
    follow; tests raise from it.
    """

    def __init__(
        self,
        reader: LogReader,
        store: Store,
        brokers: Brokers,
        topic: Topic,
        *,
        holder: str,
        clock: Clock,
        lease_s: float = 10.0,
        batch_events: int = BATCH_EVENTS,
        portion_bytes: int = PORTION_BYTES,
        on_standing: Callable[[RelayStanding], None] = lambda standing: None,
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        """``store`` is the durable one. Nothing is connected to before ``run``."""
        self._reader = reader
        self._store = store
        self._brokers = brokers
        self._topic = topic
        self._leases = Leases(store, clock)
        self._lease_name = f"relay:{topic.name}"
        self._holder = holder
        self._lease_s = lease_s
        self._batch_events = batch_events
        self._portion_bytes = portion_bytes
        self._on_standing = on_standing
        self._step = step
        self._standing = RelayStanding("stopped", 0, 0, 0, 0, None)
        self._stop = threading.Event()

    @property
    def standing(self) -> RelayStanding:
        """How it is doing; may be asked from any thread."""
        return self._standing

    def stop(self) -> None:
        """Ends ``run`` after the batch under way; may be called from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Sends until ``stop``, then gives the lease up. Brokers and databases that are away are waited for.

        Raises UnavailableFault ``topic_unsuitable`` where the topic can never be the right one, and whatever is no
        passing trouble: the lease is then given up where that can be done, and nothing sent is lost.
        """
        asyncio.run(self._run())

    async def _run(self) -> None:
        pause_s = 0.05
        try:
            while not self._stop.is_set():
                before = self._standing.position
                try:
                    await self._hold()
                    continue
                except AWAY as error:
                    self._tell("broker_away", error=away_text(error))
                except PASSING as error:
                    self._tell("database_away", error=f"{type(error).__name__}: {error}"[:500])
                except Fault as told:
                    code = told.problem.code
                    if code in _FATAL or told.problem.family != "unavailable":
                        raise
                    state: State = "broker_away" if code == "broker_unreachable" else "database_away"
                    self._tell("waiting" if code == "lease_lost" else state, error=told.problem.detail)
                pause_s = 0.05 if self._standing.position > before else min(BACK_OFF_MAX_S, 2 * pause_s)
                await self._sleep(pause_s)
        finally:
            self._tell("stopped")

    async def _hold(self) -> None:
        """One turn as the holder of the lease: from taking it until it is lost, given up, or something is away."""
        lease = await asyncio.to_thread(self._leases.take, self._lease_name, self._holder, self._lease_s)
        if lease is None:
            self._tell("waiting")
            await self._sleep(min(1.0, self._lease_s / 10))
            return
        self._tell("sending", takeovers=self._standing.takeovers + 1)
        keeper = asyncio.create_task(self._keep(lease))
        try:
            work = asyncio.create_task(self._send(lease))
            await asyncio.wait([keeper, work], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                # Only a lease that cannot be renewed ends the keeper; what is under way cannot be saved.
                work.cancel()
                await asyncio.wait([work])
                keeper.result()
            work.result()
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
            await self._give_up(lease)

    async def _keep(self, lease: Lease) -> None:
        """Renews the lease for as long as the batch under way may take."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            await asyncio.to_thread(self._leases.renew, lease, self._lease_s)

    async def _give_up(self, lease: Lease) -> None:
        try:
            await asyncio.to_thread(self._leases.give_up, lease)
        except (*PASSING, Fault):
            pass  # It runs out by itself.

    async def _send(self, lease: Lease) -> None:
        partitions = (await ensure(self._brokers, [self._topic]))[self._topic.name]
        position = await self._transaction(
            lambda connection: relay_position.load(connection, lease, self._topic.name, partitions)
        )
        self._tell("sending", position=position.log_index)
        async with producing(self._brokers) as producer:
            while not self._stop.is_set():
                position = await self._batch(lease, producer, position, partitions)

    async def _batch(self, lease: Lease, producer: Producer, position: RelayPosition, partitions: int) -> RelayPosition:
        """Sends what comes next, in portions; waits a little where there is nothing."""
        events = await asyncio.to_thread(self._reader.after, position.log_index, self._batch_events)
        if not events:
            self._tell("sending", position=position.log_index, head=position.log_index)
            await self._sleep(POLL_S)
            return position
        self._step("read")
        full = len(events) == self._batch_events
        head = (await asyncio.to_thread(self._reader.head)).log_index if full else events[-1].log_index
        self._tell("sending", position=position.log_index, head=head)
        for portion in _portions(events, self._portion_bytes):
            position = await self._portion(lease, producer, position, portion, partitions)
            if self._stop.is_set():
                break
        return position

    async def _portion(
        self, lease: Lease, producer: Producer, position: RelayPosition, events: Sequence[Recorded], partitions: int
    ) -> RelayPosition:
        """Sends a part of a batch, then saves the position: a slow link gets on by as much, whatever becomes of the
        rest."""
        last = dict(position.last)
        await producer.send(self._topic.name, _messages(events, partitions, last))
        self._step("sent")
        now = RelayPosition(events[-1].log_index, last)

        def saved(connection: Connection) -> None:
            self._leases.renew_within(connection, lease, self._lease_s)
            relay_position.save(connection, lease, self._topic.name, position, now)
            self._step("saved")

        await self._transaction(saved)
        self._step("committed")
        self._tell("sending", position=now.log_index, sent=self._standing.sent + len(events))
        return now

    async def _transaction(self, work: Callable[[Connection], T]) -> T:
        def within() -> T:
            with self._store.share() as connection:
                return work(connection)

        return await asyncio.to_thread(within)

    async def _sleep(self, seconds: float) -> None:
        """Waits, and no longer than until ``stop``."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while not self._stop.is_set() and (left_s := until_s - loop.time()) > 0:
            await asyncio.sleep(min(POLL_S, left_s))

    def _tell(self, state: State, *, error: str | None = None, **changed: int) -> None:
        self._standing = replace(self._standing, state=state, error=error, **changed)
        self._on_standing(self._standing)


def _portions(events: Sequence[Recorded], most_bytes: int) -> Iterator[Sequence[Recorded]]:
    """The events in runs of at most so many bytes, or of one event."""
    begin = filled = 0
    for at, event in enumerate(events):
        if at > begin and filled + len(event.body) > most_bytes:
            yield events[begin:at]
            begin, filled = at, 0
        filled += len(event.body)
    yield events[begin:]


def _messages(events: Sequence[Recorded], partitions: int, last: dict[int, int]) -> Iterator[Sent]:
    """The messages of events in the order of the log; ``last`` is moved on with them."""
    for event in events:
        partition = partition_of(event.subject, partitions)
        message = outgoing(event, last.get(partition, 0))
        last[partition] = event.log_index
        # The moment of recording as the message's own time: a message sent again is the same in every byte.
        yield partition, event.recorded_at_us // 1000, message
