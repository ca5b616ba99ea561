"""A log cut into partitions and workers that apply them beside each other, to hold what comes of it against one line.

The workers do what real ones do: they get messages early, late, again and never, take over each other's partitions in
the midst of them, and die inside their transactions.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kafka_binding import Published
from contracts.partitioning import partition_of
from contracts.ports import Applied, Generations, LogReader, Turn, views_name
from contracts.recorded import Recorded
from projections.generations.postgres import PostgresGenerations
from projections.partitioned import PartitionedViews
from projections.tables import DIRTY_PERIODS, METADATA, TABLES, VIEW_STATE
from projections.views import Views
from streams.partition_line import PartitionLine
from streams.tables import POSITIONS
from tests.projections.fake_log import FakeLog, MemoryStore, contents
from tests.projections.random_events import ZONE

Contents = dict[str, list[tuple[Any, ...]]]
PARTITION_COUNT = 4
NOW_US = 1_760_000_000_000_000
DEADLINE_S = 60.0


class Killed(Exception):
    """A worker died inside its transaction."""


class GrowingLog(FakeLog):
    """A log of which only the first events are recorded yet."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        super().__init__()
        self.coming = list(events)

    def record(self, events: int) -> None:
        """So many more events are recorded."""
        done = len(self.events)
        self.events.extend(self.coming[done : done + events])


def messages(events: Sequence[Recorded], partitions: int = PARTITION_COUNT) -> list[list[Published]]:
    """The events as they stand on each partition of the topic."""
    found: list[list[Published]] = [[] for _ in range(partitions)]
    for event in events:
        lane = found[partition_of(event.subject, partitions)]
        lane.append(Published(event, lane[-1].event.log_index if lane else 0))
    return found


def in_process(events: Sequence[Recorded], zone: str = ZONE) -> Contents:
    """Every table after one line on SQLite has applied all events in order."""
    store, views = MemoryStore(), Views(zone)
    try:
        with store.write() as connection:
            views.prepare(connection)
            views.apply(connection, events, FakeLog(events))
        return _without_marks(contents(store, METADATA))
    finally:
        store.close()


class MortalViews(PartitionedViews):
    """Views whose transactions end in ``Killed`` now and then, before or after the rows are written."""

    def __init__(self, dies: random.Random | None) -> None:
        super().__init__(ZONE)
        self._dies = dies

    def turn(self, applied: Applied) -> Turn:
        return _MortalTurn(super().turn(applied), self._dies)


class _MortalTurn:
    def __init__(self, turn: Turn, dies: random.Random | None) -> None:
        self._turn = turn
        self._at = None if dies is None else dies.choice((None,) * 6 + ("before", "between", "after"))

    def key(self, event: Recorded) -> str:
        return self._turn.key(event)

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        self._turn.apply(connection, batch, reader)

    def finish(self, connection: Connection) -> None:
        if self._at == "before":
            raise Killed
        self._turn.finish(connection)
        if self._at == "after":
            raise Killed


@contextmanager
def generation(generations: PostgresGenerations) -> Iterator[int]:
    """A live, empty generation with its position at 0."""
    number = generations.begin("test")
    views = PartitionedViews(ZONE)
    with generations.store(number).write() as connection:
        views.prepare(connection)
        row = {"name": views_name(number), "version": views.version, "log_index": 0, "digest": ""}
        connection.execute(POSITIONS.insert(), row)
    generations.switch(number)
    yield number


def line(generations: Generations, log: LogReader, views: PartitionedViews, **options: Any) -> PartitionLine:
    """A worker's line."""

    def named(number: int) -> PartitionedViews:
        views.name = views_name(number)
        return views

    options = {"partitions": PARTITION_COUNT, "clock": lambda: NOW_US, "sleep": lambda seconds: None} | options
    return PartitionLine(log, generations, named, **options)


def work(generations: PostgresGenerations, log: GrowingLog, seed: int, workers: int) -> None:
    """Lets workers apply the log while it grows, until all of it is applied. Raises what one of them raised."""
    lanes = messages(log.coming)
    stop = threading.Event()
    failures: list[BaseException] = []
    positions = [0] * PARTITION_COUNT

    def run(number: int) -> None:
        dice = random.Random(f"{seed}/{number}")
        own = line(generations, log, MortalViews(dice), batch_limit=dice.choice((1, 3, 7, 50)))
        try:
            while not stop.is_set():
                if number == 0:
                    log.record(dice.randint(1, 5))
                recorded = len(log.events)
                some = {
                    partition: again_and_with_holes(
                        dice, [m for m in lanes[partition] if m.event.log_index <= recorded]
                    )
                    for partition in dice.sample(range(PARTITION_COUNT), dice.choice((1, 2, PARTITION_COUNT)))
                }
                try:
                    assert not own.take_many(some)
                    # Where they stand, which nothing else tells of several.
                    reached = {partition: own.take(partition, ()) for partition in some}
                except Killed:
                    continue
                for partition, position in reached.items():
                    positions[partition] = max(positions[partition], position)
                ends = [lane[-1].event.log_index if lane else 0 for lane in lanes]
                if all(at >= end for at, end in zip(positions, ends, strict=True)):
                    stop.set()
        except BaseException as error:  # noqa: BLE001 - told to the one who waits
            failures.append(error)
            stop.set()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "the workers did not come to an end"
    if failures:
        raise failures[0]


def again_and_with_holes(dice: random.Random, there: Sequence[Published]) -> list[Published]:
    """Again what is applied already, and not all of what is not."""
    begin = dice.randrange(len(there) + 1)
    return [m for m in there[begin : begin + dice.choice((1, 4, 30))] if dice.random() > 0.1]


def tables(generations: PostgresGenerations, number: int) -> Contents:
    """Every table of a generation, but its marks."""
    found: Contents = {}
    with generations.store(number).read() as connection:
        for table in METADATA.sorted_tables:
            found[table.name] = sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
    return _without_marks(found)


def unmarked(generations: PostgresGenerations, number: int) -> set[tuple[str, str]]:
    """(table, month) of rows whose month nobody would count again."""
    with generations.store(number).read() as connection:
        marks = {tuple(row) for row in connection.execute(select(DIRTY_PERIODS))}
        months = {
            (name, month or "")
            for name, table in TABLES.items()
            if "month" in table.c
            for month in connection.scalars(select(table.c.month).distinct())
        }
    return months - marks


def forget(generations: PostgresGenerations) -> None:
    """Drops every generation that is not live."""
    for one in generations.list():
        if one.state != "live":
            generations.drop(one.number)


def _without_marks(found: Contents) -> Contents:
    return {name: rows for name, rows in found.items() if name not in (DIRTY_PERIODS.name, VIEW_STATE.name)}


class Halting:
    """Views that stop before their transaction ends, until they are let go on."""

    def __init__(self, views: PartitionedViews) -> None:
        self.views = views
        self.halted = threading.Event()
        self.go_on = threading.Event()
        made = views.turn
        views.turn = lambda applied: _HaltingTurn(made(applied), self)  # type: ignore[method-assign, assignment]


class _HaltingTurn(_MortalTurn):
    def __init__(self, turn: Turn, halting: Halting) -> None:
        super().__init__(turn, None)
        self._halting = halting

    def finish(self, connection: Connection) -> None:
        super().finish(connection)
        self._halting.halted.set()
        assert self._halting.go_on.wait(DEADLINE_S)


def waits_for_a_lock(generations: PostgresGenerations) -> bool:
    """Whether some transaction waits for another to end."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with generations.live_store().read() as connection:
        return bool(connection.exec_driver_sql(query).scalar())
