"""A worker as campaigns and the delivery suite start it: a process of its own, told what to do as JSON, made to fail.

Here because what must be shown is that nothing is lost and nothing counted twice whatever becomes of a worker, so it
is a whole process that is killed, and the errors it meets are ones it does not know of.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import zlib
from collections.abc import Sequence

import msgspec
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from contracts.ports import Applied, LogReader, Store, Turn, views_name
from contracts.recorded import Recorded
from domain.ledger import Ledger
from projections.generations.postgres import PostgresGenerations
from projections.kpi import refresh
from projections.partitioned import PartitionedViews
from streams.faust_app import Feed, Timing, make_app, run
from streams.kafka.connecting import Brokers
from streams.kafka.topics import events_topic
from streams.leases import Leases
from streams.partition_line import PartitionLine
from streams.projection_feed import ProjectionFeed
from streams.watermark import Keeper

NOW_US = 1_800_000_000_000_000


class Orders(msgspec.Struct, frozen=True):
    """What a worker is told. One event in ``transient_of`` fails when it is met first, with the error of a database
    that is away; one in ``poison_of`` always fails; 0 is none. ``as_of_us`` is the moment at which cells are counted.
    """

    database: str
    broker: str
    prefix: str
    partitions: int
    zone: str
    as_of_us: int
    batch_events: int = 500
    brake_keys: int = 25
    transient_of: int = 0
    poison_of: int = 0


def meets(event: Recorded, one_in: int) -> bool:
    """Whether an event is one of those that fail: a function of who it is, so that every worker finds the same."""
    return one_in > 0 and zlib.crc32(f"{event.source} {event.id}".encode()) % one_in == 0


class FailingViews(PartitionedViews):
    """Views that cannot apply some events, for a while or at all."""

    def __init__(self, orders: Orders, name: str) -> None:
        super().__init__(orders.zone, name=name)
        self.orders = orders
        self.met: set[int] = set()

    def turn(self, applied: Applied) -> Turn:
        return _FailingTurn(super().turn(applied), self)


class _FailingTurn:
    def __init__(self, turn: Turn, views: FailingViews) -> None:
        self._turn = turn
        self._views = views

    def key(self, event: Recorded) -> str:
        return self._turn.key(event)

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        # Before: what a turn has noted of events it could apply is not taken back with the savepoint.
        for event in batch:
            if meets(event, self._views.orders.poison_of):
                raise ValueError(f"cannot apply {event.id}")
            if event.log_index not in self._views.met and meets(event, self._views.orders.transient_of):
                self._views.met.add(event.log_index)
                raise OperationalError("COMMIT", {}, ConnectionError("the server closed the connection"))
        self._turn.apply(connection, batch, reader)

    def finish(self, connection: Connection) -> None:
        self._turn.finish(connection)


def line(orders: Orders, reader: LogReader, generations: PostgresGenerations) -> PartitionLine:
    """A line whose views fail as ordered."""
    return PartitionLine(
        reader,
        generations,
        lambda number: FailingViews(orders, views_name(number)),
        partitions=orders.partitions,
        clock=lambda: NOW_US,
        batch_limit=orders.batch_events,
        brake_keys=orders.brake_keys,
    )


def work(orders: Orders, stop: threading.Event) -> None:
    """Runs a worker until ``stop``."""
    ledger = Ledger.connect(orders.database, clock=lambda: NOW_US, writable=False)
    generations = PostgresGenerations(orders.database, clock=lambda: NOW_US)

    def count(store: Store, reader: LogReader, _now_us: int, done: object) -> int:
        return refresh(store, reader, orders.as_of_us, orders.zone, done=done)  # type: ignore[arg-type]

    reader = ledger.reader()
    own = line(orders, reader, generations)
    keeper = Keeper(
        line(orders, reader, generations),
        reader,
        Leases(ledger.store(), lambda: NOW_US),
        count,
        holder=f"worker-{os.getpid()}",
        topic=events_topic(orders.prefix),
        clock=lambda: NOW_US,
        lease_s=4.0,
        refresh_every_s=0.2,
        stalled_after_s=1.5,
    )
    app = make_app(
        f"{orders.prefix}.workers",
        Brokers((orders.broker,)),
        [Feed("projection", (events_topic(orders.prefix),), ProjectionFeed(own).handle, orders.batch_events)],
        timing=Timing(session_s=6.0, heartbeat_s=1.0, rebalance_s=6.0),
    )
    keeper.start()
    try:
        run(app, stop)
    finally:
        own.stop()
        keeper.stop()
        generations.close()
        ledger.close()


def main(arguments: Sequence[str]) -> None:
    """The process: one argument, the orders; ended by SIGTERM."""
    logging.basicConfig(level=logging.WARNING)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    work(msgspec.json.decode(arguments[0], type=Orders), stop)


if __name__ == "__main__":
    main(sys.argv[1:])
