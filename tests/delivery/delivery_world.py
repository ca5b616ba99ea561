"""A ledger on a database, every way by which its events come to a projector, and projectors that are made to fail.

The same tests run over all of them: one line in one process, and workers behind a broker.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from contracts.kafka_binding import Message
from contracts.ports import Applied, LogReader, Reach, Store, Turn, views_name
from contracts.recorded import Recorded
from domain.ledger import Ledger
from ops.torture.delivering import NOW_US, Orders, meets
from ops.torture.equality import ZONE, Given, Moment
from ops.torture.workers import relaying
from projections.generations.postgres import PostgresGenerations
from projections.partitioned import PartitionedViews
from streams.faust_app import Feed, Handler, Timing, make_app, run
from streams.kafka.connecting import Brokers
from streams.kafka.topics import events_topic
from streams.partition_line import PartitionLine
from streams.projection_feed import ProjectionFeed
from streams.runner import Runner
from streams.tables import POSITIONS
from streams.watermark import places
from tests.servers.broker import KINDS

PARTITIONS = 4
DEADLINE_S = 60.0
# A broker that is given may have Apache Kafka's default of at least 6 seconds.
TIMING = Timing(session_s=6.0 if "given" in KINDS else 3.0, heartbeat_s=0.5, rebalance_s=3.0)


@dataclass
class World:
    """A ledger with events in it, and an empty, live generation."""

    address: str
    ledger: Ledger
    generations: PostgresGenerations
    number: int
    events: int

    @property
    def store(self) -> Store:
        return self.generations.store(self.number)

    def orders(self, broker: str) -> Orders:
        return Orders(self.address, broker, f"t-{uuid.uuid4().hex[:12]}", PARTITIONS, ZONE, NOW_US)


@contextmanager
def world(address: str, events: int, seed: int = 7) -> Iterator[World]:
    """A ledger of about so many events of the demonstration's partnership."""
    clock = Moment()
    with ExitStack() as stack:
        ledger = stack.enter_context(closing(Ledger.connect(address, clock=clock)))
        generations = stack.enter_context(closing(PostgresGenerations(address, clock=lambda: NOW_US)))
        for moment_us, group in Given.of(events, seed).groups() if events else ():
            clock.us = moment_us
            ledger.record(group)
        yield World(address, ledger, generations, generations.begin("test"), ledger.reader().head().log_index)


def more(world: World, events: int, done: threading.Event) -> None:
    """Records events in small groups, one after the other, until ``done`` or there are no more."""
    for _, group in Given.of(events, 11).groups():
        for at in range(0, len(group), 10):
            if done.is_set():
                return
            world.ledger.record(group[at : at + 10])
            time.sleep(0.05)


def begin_views(world: World) -> None:
    """The real views, empty."""
    views = PartitionedViews(ZONE, name=views_name(world.number))
    with world.store.write() as connection:
        views.prepare(connection)
        row = {"name": views.name, "version": views.version, "log_index": 0, "digest": ""}
        connection.execute(POSITIONS.insert(), row)


class Way(Protocol):
    """Brings every recorded event to a projector and returns when all are applied or parked."""

    def __call__(self, world: World, projector: Diary) -> None: ...


def in_process(world: World, projector: Diary) -> None:
    """One line in this process."""
    runner = Runner(
        world.ledger.reader(),
        world.store,
        projector,
        clock=lambda: NOW_US,
        batch_limit=200,
        brake_keys=10_000,
        retries=60,
        sleep=lambda _: None,
    )
    runner.prepare()
    while runner.step():
        continue


@dataclass
class ByBroker:
    """A relay, and workers one after the other for as long as they end by themselves."""

    broker: str
    again: bool = False
    ended: list[BaseException] = field(default_factory=list)

    def __call__(self, world: World, projector: Diary) -> None:
        begin(world, projector)
        orders = world.orders(self.broker)
        line = partition_line(world, projector)
        with relaying(world.ledger, orders):
            self.follow(orders, projector.crashing(ProjectionFeed(line).handle), lambda: all_applied(world, orders))

    def follow(self, orders: Orders, handle: Handler, applied: Callable[[], bool]) -> None:
        """Runs workers until everything is applied: another one where one has ended."""
        until_s = time.monotonic() + DEADLINE_S
        while not applied():
            with worker(orders, handle) as ended:
                while not applied() and not ended:
                    assert time.monotonic() < until_s, "not everything was applied"
                    time.sleep(0.02)
            self.ended += ended


@contextmanager
def worker(orders: Orders, handle: Handler) -> Iterator[list[BaseException]]:
    """A worker on a thread, ended as by SIGTERM; yields what ended it before, if anything."""
    stop, ended = threading.Event(), list[BaseException]()
    feed = Feed("projection", (events_topic(orders.prefix),), handle, batch_events=100)
    made = make_app(f"{orders.prefix}.workers", Brokers((orders.broker,)), [feed], timing=TIMING)

    def work() -> None:
        try:
            run(made, stop)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            ended.append(error)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "the worker did not end"


def partition_line(world: World, projector: Diary) -> PartitionLine:
    return PartitionLine(
        world.ledger.reader(),
        world.generations,
        lambda number: projector,
        partitions=PARTITIONS,
        clock=lambda: NOW_US,
        batch_limit=200,
        brake_keys=10_000,
        sleep=lambda _: None,
    )


def begin(world: World, projector: Diary) -> None:
    """The projector's tables and its position at 0."""
    with world.store.write() as connection:
        projector.prepare(connection)
        there = connection.scalar(POSITIONS.select().where(POSITIONS.c.name == projector.name))
        if there is None:
            row = {"name": projector.name, "version": projector.version, "log_index": 0, "digest": ""}
            connection.execute(POSITIONS.insert(), row)


def all_applied(world: World, orders: Orders) -> bool:
    """Whether every partition holds everything that was recorded."""
    with world.store.read() as connection:
        found = places(connection, views_name(world.number), events_topic(orders.prefix), PARTITIONS)
    return found.watermark >= world.events


class Diary:
    """Writes down what it is given, in the order in which it is given it.

    One event in ``transient_of`` fails when it is met first, one in ``poison_of`` for as long as that is set, and the
    whole worker ends after one batch in ``crash_of``.
    """

    def __init__(self, number: int, *, transient_of: int = 0, poison_of: int = 0, crash_of: int = 0) -> None:
        self.name = views_name(number)
        self.version = "1"
        self.transient_of = transient_of
        self.poison_of = poison_of
        self.crash_of = crash_of
        self.met: set[int] = set()
        self.batches = 0

    def prepare(self, connection: Connection) -> None:
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS diary"
            " (number bigint GENERATED ALWAYS AS IDENTITY, log_index bigint, subject text)"
        )

    def key(self, event: Recorded) -> str:
        return event.subject

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        for event in batch:
            row = (event.log_index, event.subject)
            connection.exec_driver_sql("INSERT INTO diary (log_index, subject) VALUES (%s, %s)", row)
            if meets(event, self.poison_of):
                raise ValueError(f"cannot apply {event.id}")
            if event.log_index not in self.met and meets(event, self.transient_of):
                self.met.add(event.log_index)
                raise OperationalError("INSERT", {}, ConnectionError("the server closed the connection"))

    def finish(self, connection: Connection) -> None:
        """Nothing is shared."""

    def reach(self, batch: Sequence[Recorded], reader: LogReader) -> Reach:
        return Reach(frozenset(), shared=False, alone=False)

    def turn(self, applied: Applied) -> Turn:
        return self

    def refresh(self, store: Store, reader: LogReader, now_us: int) -> int:
        return 0

    def reset(self, connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM diary")

    def crashing(self, handle: Handler) -> Handler:
        """A handler that ends its worker now and then, before or after it has committed."""

        def crash(messages: Sequence[Message]) -> Collection[int] | None:
            self.batches += 1
            if self.crash_of and self.batches % (2 * self.crash_of) == 0:
                raise RuntimeError("unexpected")
            waiting = handle(messages)
            if self.crash_of and self.batches % (2 * self.crash_of) == self.crash_of:
                raise RuntimeError("unexpected")
            return waiting

        return crash

    @staticmethod
    def entries(store: Store) -> list[tuple[int, str]]:
        """(log_index, subject) in the order of application."""
        with store.read() as connection:
            query = "SELECT log_index, subject FROM diary ORDER BY number"
            return [(log_index, subject) for log_index, subject in connection.exec_driver_sql(query)]
