"""Up to which event the scorecard is complete, and the one worker at a time that makes it so.

Here because partitions stand at different places: a number is complete only up to where all of them are, and cells are
counted by one, the holder of a lease, so that workers do not contend for them. The same holder looks after partitions
that stand still though the relay has sent more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from contracts.faults import Fault
from contracts.ports import Clock, LogReader, Store
from streams.dialect import PASSING, now_us
from streams.kafka import relay_position
from streams.leases import Lease, Leases
from streams.partition_line import Live, PartitionLine
from streams.place import digest_at
from streams.tables import PARTITIONS, POSITIONS

LEASE = "cells"
FAR_BEHIND_EVENTS: Final = 20_000
"""Cells that a count leaves further behind the head are not counted again before a rest as long as it took."""
REST_MAX_S: Final = 10.0
TURN_MAX_S: Final = 900.0
"""For how long a turn keeps the lease at most: one that hangs leaves it to another worker."""

Refresh = Callable[[Store, LogReader, int, Callable[[Connection], None]], int]
"""Brings cells up to date: (store, reader, now as UTC microseconds, what to call in the transaction that writes them)
-> how many changed."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the partitions of a projector stand, in one snapshot. ``relayed``: every event up to there was sent;
    ``sent`` and ``applied`` by partition; ``position``: up to where the cells are complete."""

    relayed: int
    sent: Mapping[int, int]
    applied: Mapping[int, int]
    position: int

    @property
    def watermark(self) -> int:
        """Up to where every event is applied or parked, whatever its partition.

        A partition that has taken in all that was sent to it has taken in everything up to where the relay is.
        """
        reached = (self.relayed if at >= self.sent.get(partition, 0) else at for partition, at in self.applied.items())
        return max(self.position, min(reached, default=0))

    def behind(self) -> dict[int, int]:
        """Where those partitions stand to which more was sent than they have taken in."""
        return {number: at for number, at in self.applied.items() if at < self.sent.get(number, 0)}


def places(connection: Connection, name: str, topic: str, partitions: int) -> Places:
    """Where a projector's partitions stand; ``connection`` must be one snapshot, or the relay may seem behind them."""
    sent = relay_position.standing(connection, topic)
    position = connection.scalar(select(POSITIONS.c.log_index).where(POSITIONS.c.name == name)) or 0
    rows = connection.execute(select(PARTITIONS.c.partition, PARTITIONS.c.log_index).where(PARTITIONS.c.name == name))
    stored = {row.partition: row.log_index for row in rows}
    applied = {number: max(position, stored.get(number, 0)) for number in range(partitions)}
    return Places(sent.log_index, sent.last, applied, position)


class Keeper:
    """Keeps cells and watermark of the live generation current for as long as it holds the lease; else waits for it.

    One a worker. ``line`` is its own, for partitions that stand still: somebody's messages were acknowledged unseen,
    were lost with their broker, or their worker died and nobody has its partitions yet.
    """

    def __init__(
        self,
        line: PartitionLine,
        reader: LogReader,
        leases: Leases,
        refresh: Refresh,
        *,
        holder: str,
        topic: str,
        clock: Clock,
        lease_s: float = 10.0,
        refresh_every_s: float = 0.5,
        stalled_after_s: float = 3.0,
        stopped_again_after_s: float = 10.0,
        turn_max_s: float = TURN_MAX_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = line
        self._reader = reader
        self._leases = leases
        self._refresh = refresh
        self._holder = holder
        self._topic = topic
        self._clock = clock
        self._lease_s = lease_s
        self._refresh_every_s = refresh_every_s
        self._stalled_after_s = stalled_after_s
        self._turn_max_s = turn_max_s
        self._stopped_again_after_s = max(stalled_after_s, stopped_again_after_s)
        self._monotonic = monotonic
        self._lease: Lease | None = None
        self._renew_at_s = 0.0
        self._count_at_s = 0.0
        self._seen: dict[int, tuple[int, float]] = {}
        self._counted: tuple[int, Mapping[int, int], int] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.fault: BaseException | None = None
        """What the last turn met; None while all is well."""

    @property
    def holds(self) -> bool:
        """Whether it held the lease when it last looked."""
        return self._lease is not None

    def turn(self) -> bool:
        """One look: takes or renews the lease, brings partitions on that stand still, refreshes the cells where
        anything was applied since; whether it holds the lease.

        Raises PASSING errors, and the faults of the line and of the refresh; all of them may pass by themselves.
        """
        if not self._hold():
            return False
        live = self._line.live()
        found = self._places(live)
        trouble: Fault | None = None
        with self._keeping():
            for partition in self._stalled(found):
                try:
                    self._line.advance(partition, found.sent[partition])
                except Fault as stopped:
                    # The numbers of the other partitions need not wait for this one.
                    trouble = stopped
                    # To find out again and again that it cannot go on would hold the others up.
                    later_s = self._monotonic() + self._stopped_again_after_s - self._stalled_after_s
                    self._seen[partition] = (found.applied[partition], later_s)
            counted = live.number, found.applied, found.watermark
            if counted != self._counted and self._monotonic() >= self._count_at_s:
                self._counted = counted if self._count(live) else None
        if trouble is not None:
            raise trouble
        return True

    def start(self) -> None:
        """Takes turns on a thread until ``stop``. Idempotent."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="cells", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the turn it is in, and gives the lease up. Idempotent."""
        self._stopping.set()
        self._line.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._give_up()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
                self.fault = None
            except (*PASSING, Fault) as error:
                self.fault = error
                if isinstance(error, Fault) and error.problem.code == "lease_lost":
                    self._lease = None
            except Exception as error:  # cells that cannot be counted must not stop the rows
                self.fault = error
                logging.getLogger(__name__).exception("the cells could not be counted")
                # Perhaps it is only here that they cannot.
                self._give_up()
                self._stopping.wait(self._lease_s)
            self._stopping.wait(self._refresh_every_s)

    def _give_up(self) -> None:
        """Lets another worker take the lease at once; where the database is away, once its time has run out."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with suppress(*PASSING):
                self._leases.give_up(lease)

    def _hold(self) -> bool:
        now_s = self._monotonic()
        if self._lease is None:
            self._lease = self._leases.take(LEASE, self._holder, self._lease_s)
            self._seen.clear()
            self._counted = None
            self._count_at_s = 0.0
        elif now_s >= self._renew_at_s:
            lease, self._lease = self._lease, None
            self._lease = self._leases.renew(lease, self._lease_s)
        else:
            return True
        self._renew_at_s = now_s + self._lease_s / 3
        return self._lease is not None

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Renews the lease beside what is done within, which may take longer than the lease."""
        lease, done = self._lease, threading.Event()
        assert lease is not None
        every_s = self._lease_s / 3

        def renew() -> None:
            for _ in range(int(self._turn_max_s / every_s)):
                if done.wait(every_s):
                    return
                try:
                    self._leases.renew(lease, self._lease_s)
                except (*PASSING, Fault) as error:
                    # What was lost is found at the commit, which is guarded.
                    if isinstance(error, Fault) and error.problem.code == "lease_lost":
                        return

        beside = threading.Thread(target=renew, name="cells-lease", daemon=True)
        beside.start()
        try:
            yield
        finally:
            done.set()
            beside.join()

    def _places(self, live: Live) -> Places:
        with live.store.read() as connection:
            return places(connection, live.projector.name, self._topic, self._line.partitions)

    def _stalled(self, found: Places) -> list[int]:
        """The partitions that have not moved for a while though there is more for them."""
        now_s = self._monotonic()
        behind = found.behind()
        self._seen = {
            partition: seen if (seen := self._seen.get(partition, (-1, now_s)))[0] == at else (at, now_s)
            for partition, at in behind.items()
        }
        return [number for number, (_, since_s) in self._seen.items() if now_s - since_s >= self._stalled_after_s]

    def _count(self, live: Live) -> bool:
        """Refreshes the cells; the position moves with them to where all partitions were before that began. Not where
        another refresh overtook this one, which then wrote nothing."""
        began_s = self._monotonic()
        with live.store.read() as connection:
            found = places(connection, live.projector.name, self._topic, self._line.partitions)
            # The time that all keepers share: by a slower clock the cells would be of the future, and all counted anew.
            judged_at_us = now_us(connection, self._clock)
        digest = digest_at(self._reader, found.watermark)
        lease = self._lease
        assert lease is not None
        written = False

        def done(connection: Connection) -> None:
            nonlocal written
            written = True
            lease.guard(connection)
            connection.execute(
                update(POSITIONS)
                .where(POSITIONS.c.name == live.projector.name, POSITIONS.c.log_index < found.watermark)
                .values(log_index=found.watermark, digest=digest)
            )

        self._refresh(live.store, self._reader, judged_at_us, done)
        if self._reader.head().log_index - found.watermark > FAR_BEHIND_EVENTS:
            # Nobody reads numbers that far behind: the rows, which wait for these locks and processors, come first.
            now_s = self._monotonic()
            self._count_at_s = now_s + min(REST_MAX_S, now_s - began_s)
        return written
