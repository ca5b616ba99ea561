"""The line of a worker goes by its own position: messages may be missing, repeated, unreadable or of another ledger."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from contracts.faults import UnavailableFault
from contracts.kafka_binding import Message, Published, outgoing
from contracts.partitioning import partition_of
from contracts.ports import views_name
from contracts.recorded import Accepted, Recorded
from ops.torture.equality import Given
from projections.generations.postgres import PostgresGenerations
from streams.partition_line import PartitionLine
from streams.projection_feed import ProjectionFeed
from streams.quarantine import Quarantine
from streams.tables import BRAKES, PARTITIONS, POSITIONS
from tests.delivery.delivery_world import PARTITIONS as COUNT
from tests.delivery.delivery_world import Diary
from tests.projections.fake_log import FakeLog, recorded
from tests.projections.partition_world import NOW_US, messages

Lanes = list[list[Published]]


@pytest.fixture(scope="module")
def generations(postgres_server: Any) -> Iterator[PostgresGenerations]:
    from ops.migrations import migrate

    address = postgres_server.migrated(migrate)
    opened = PostgresGenerations(address, clock=lambda: NOW_US)
    yield opened
    opened.close()
    postgres_server.drop(address)


@pytest.fixture
def log() -> FakeLog:
    return FakeLog(
        recorded(n, "encounter.engaged", {"call": f"c-{n % 23}"}, id=f"e{n}", recorded_at_us=NOW_US)
        for n in range(1, 201)
    )


@pytest.fixture
def lanes(log: FakeLog) -> Lanes:
    return messages(log.events, COUNT)


class World:
    """A live generation that is a diary, and lines that write it."""

    def __init__(self, generations: PostgresGenerations, log: FakeLog) -> None:
        self.generations = generations
        self.log = log
        self.number = self.begin(0)

    def begin(self, position: int) -> int:
        number = self.generations.begin("test")
        diary = Diary(number)
        with self.generations.store(number).write() as connection:
            diary.prepare(connection)
            row = {"name": diary.name, "version": diary.version, "log_index": position, "digest": ""}
            connection.execute(POSITIONS.insert(), row)
        self.generations.switch(number)
        return number

    def line(self, make: Callable[[int], Diary] = Diary, **options: Any) -> PartitionLine:
        given = {"batch_limit": 20, "clock": lambda: NOW_US, "sleep": lambda _: None} | options
        return PartitionLine(self.log, self.generations, make, partitions=COUNT, **given)

    def told(self, partition: int, number: int | None = None) -> list[int]:
        store = self.generations.store(number or self.number)
        return [i for i, subject in Diary.entries(store) if partition_of(subject, COUNT) == partition]


@pytest.fixture
def world(generations: PostgresGenerations, log: FakeLog) -> World:
    return World(generations, log)


def indexes(lane: Sequence[Published]) -> list[int]:
    return [message.event.log_index for message in lane]


def test_what_is_missing_between_messages_is_read_from_the_log(world: World, lanes: Lanes) -> None:
    lane = lanes[1]
    assert world.line().take(1, [lane[0], lane[9], lane[-1]]) == lane[-1].event.log_index
    assert indexes(lane) == world.told(1)


def test_what_comes_again_or_in_another_order_is_applied_once_and_in_order(world: World, lanes: Lanes) -> None:
    lane, line = lanes[2], world.line()
    line.take(2, reversed(lane[:15]))
    line.take(2, [*lane[5:20], *lane[:3], *lane[18:]])
    assert line.take(2, lane[:4]) == lane[-1].event.log_index
    assert indexes(lane) == world.told(2)


def test_without_a_message_a_partition_is_brought_on_from_the_log(world: World, lanes: Lanes) -> None:
    line = world.line()
    upto = lanes[3][-1].event.log_index
    assert line.advance(3, upto) < upto
    assert line.catch_up(3, upto) == upto
    assert indexes(lanes[3]) == world.told(3)


def test_views_that_were_built_up_to_somewhere_go_on_from_there(world: World, lanes: Lanes) -> None:
    number = world.begin(100)
    world.line().take(1, lanes[1])
    assert [index for index in indexes(lanes[1]) if index > 100] == world.told(1, number)


def test_another_generation_goes_on_where_it_stands_and_the_one_before_where_it_stood(
    world: World, lanes: Lanes
) -> None:
    line, lane = world.line(), lanes[1]
    line.take(1, lane[:10])
    other = world.begin(lane[4].event.log_index)
    line.take(1, lane[10:20])
    assert indexes(lane[5:20]) == world.told(1, other)
    world.generations.switch(world.number)
    line.take(1, lane[25:])
    assert indexes(lane) == world.told(1)


def test_several_partitions_together_go_each_by_its_own_position(world: World, lanes: Lanes) -> None:
    line = world.line(batch_limit=7)
    line.take(1, lanes[1][:10])
    # One further on already, one with holes, one that comes again and in another order.
    some = {0: lanes[0][:12], 1: lanes[1][3:20], 2: [lanes[2][0], lanes[2][9]], 3: [*lanes[3][:8][::-1], *lanes[3][:4]]}
    assert {} == line.take_many(some)
    for partition, reached in ((0, 12), (1, 20), (2, 10), (3, 8)):
        assert indexes(lanes[partition][:reached]) == world.told(partition)


def test_a_partition_that_somebody_else_moved_is_looked_at_again_and_the_others_go_on(
    world: World, lanes: Lanes
) -> None:
    line, other = world.line(), world.line()
    line.take_many({n: lane[:3] for n, lane in enumerate(lanes)})
    # What the line remembers of partition 2 is not so any more.
    other.take(2, lanes[2][:9])
    assert {} == line.take_many({n: lane[3:6] for n, lane in enumerate(lanes)})
    assert indexes(lanes[2][:9]) == world.told(2)
    for partition in (0, 1, 3):
        assert indexes(lanes[partition][:6]) == world.told(partition)


def test_one_transaction_brings_several_partitions(world: World, lanes: Lanes) -> None:
    turns: list[int] = []

    class Counting(Diary):
        def finish(self, connection: Any) -> None:
            turns.append(1)

    world.line(Counting, batch_limit=500).take_many(dict(enumerate(lanes)))
    assert [1] == turns
    assert all(indexes(lane) == world.told(partition) for partition, lane in enumerate(lanes))


def test_of_several_partitions_only_what_cannot_be_applied_is_parked(world: World, lanes: Lanes) -> None:
    poisoned = world.line(lambda number: Diary(number, poison_of=40), brake_keys=1_000, batch_limit=500)
    assert {} == poisoned.take_many({n: lane[:-5] for n, lane in enumerate(lanes)})
    # What waits behind a parked event is held back without anything being tried again by itself.
    assert {} == poisoned.take_many(dict(enumerate(lanes)))
    quarantine = Quarantine(world.generations.store(world.number), lambda: views_name(world.number))
    parked = {one.log_index for one in quarantine.parked()}
    assert 0 < len(parked) < 100
    for partition, lane in enumerate(lanes):
        assert [index for index in indexes(lane) if index not in parked] == world.told(partition)
    world.line().replay()
    assert list(range(1, 201)) == sorted(index for lane in range(COUNT) for index in world.told(lane))


def test_of_several_partitions_the_one_that_fails_too_often_stands_still_alone(world: World, lanes: Lanes) -> None:
    class Broken(Diary):
        def apply(self, connection: Any, batch: Sequence[Recorded], reader: Any) -> None:
            super().apply(connection, batch, reader)
            if any(partition_of(event.subject, COUNT) == 2 for event in batch):
                raise ValueError("broken")

    standing = world.line(Broken, brake_keys=2, batch_limit=500).take_many(dict(enumerate(lanes)))
    assert [(2, "projection_stopped")] == [(number, stopped.problem.code) for number, stopped in standing.items()]
    quarantine = Quarantine(world.generations.store(world.number), lambda: views_name(world.number))
    assert quarantine.brake() is not None
    assert 0 == quarantine.count()
    for partition, lane in enumerate(lanes):
        assert ([] if partition == 2 else indexes(lane)) == world.told(partition)
    assert {} == world.line().take_many(dict(enumerate(lanes)))
    assert indexes(lanes[2]) == world.told(2)
    assert quarantine.brake() is None


def of_an_earlier_state(lane: Sequence[Published], first: int, last: int) -> list[Published]:
    """What a topic has of a partition from before its log was put back to where it was at ``first``."""
    gone = [Published(replace(one.event, id="gone", digest=b"g" * 32), one.prev) for one in lane[first:last]]
    return [*lane[:first], *gone]


@pytest.mark.parametrize("then", [3, 4, 5])
def test_messages_of_an_earlier_state_of_the_log_are_refused_though_the_last_is_right(
    world: World, lanes: Lanes, then: int
) -> None:
    came = [*of_an_earlier_state(lanes[1], 3, 6), *lanes[1][then:12]]
    with pytest.raises(UnavailableFault, match="integrity_broken"):
        world.line().take_many({0: lanes[0], 1: came})
    assert [] == world.told(0) == world.told(1)


def test_by_the_last_message_alone_an_earlier_state_would_be_taken_in(
    world: World, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control.
    confirm = PartitionLine._confirm
    monkeypatch.setattr(PartitionLine, "_confirm", lambda line, ends: confirm(line, ends[-1:]))
    came = [*of_an_earlier_state(lanes[1], 3, 6), *lanes[1][4:12]]
    world.line().take(1, came)
    assert indexes(lanes[1][:12]) == world.told(1)


def test_a_message_that_names_another_before_it_than_there_was_is_refused(world: World, lanes: Lanes) -> None:
    lane = lanes[1]
    wrong = Published(lane[5].event, lane[3].event.log_index)
    elsewhere = Published(lane[5].event, lanes[0][0].event.log_index)
    for came in ([*lane[:5], wrong], [elsewhere]):
        with pytest.raises(UnavailableFault, match="integrity_broken"):
            world.line().take(1, came)
    assert [] == world.told(1)


def test_a_message_that_cannot_be_read_is_found_missing_by_the_next(world: World, lanes: Lanes) -> None:
    feed = ProjectionFeed(world.line())
    events = [event for group in Given.of(600, 3).groups() for event in group[1] if isinstance(event, Accepted)]
    world.log.events = [_recorded(number, event) for number, event in enumerate(events, start=1)]
    lane = messages(world.log.events, COUNT)[0]
    sent = [outgoing(one.event, one.prev) for one in lane]
    found = [Message("t", 0, n, one.key, one.value, one.headers) for n, one in enumerate(sent)]
    broken = Message("t", 0, 3, b"k", b"{}", found[3].headers)
    elsewhere = Message("t", 1, 0, found[5].key, found[5].value, found[5].headers)
    feed.handle([*found[:3], broken, *found[4:10], elsewhere])
    assert 2 == feed.unreadable
    assert indexes(lane[:10]) == world.told(0)


def _recorded(number: int, accepted: Any) -> Recorded:
    given = {name: getattr(accepted, name) for name in accepted.__struct_fields__}
    return Recorded(log_index=number, recorded_at_us=NOW_US, **given)


def test_messages_of_another_ledger_are_refused_and_nothing_is_applied(world: World, lanes: Lanes) -> None:
    foreign = [Published(recorded(3, "call.received", {"call": "c-9"}, id="other"), 0)]
    beyond = [Published(recorded(500, "call.received", {"call": "c-9"}, id="other"), 0)]
    for wrong in (foreign, beyond):
        with pytest.raises(UnavailableFault, match="integrity_broken"):
            world.line().take(0, wrong)
    assert [] == world.told(0)


def test_views_of_another_version_are_left_alone(world: World, lanes: Lanes) -> None:
    with world.generations.store(world.number).write() as connection:
        connection.execute(update(POSITIONS).where(POSITIONS.c.name == views_name(world.number)).values(version="0"))
    with pytest.raises(UnavailableFault, match="views_behind"):
        world.line().take(0, lanes[0])
    assert [] == world.told(0)


def test_a_projection_that_fails_too_often_stops_its_partition_and_says_so(world: World, lanes: Lanes) -> None:
    # Every event fails: more keys than the brake allows.
    with pytest.raises(UnavailableFault, match="projection_stopped"):
        world.line(lambda number: Diary(number, poison_of=1), brake_keys=2).take(0, lanes[0])
    store = world.generations.store(world.number)
    quarantine = Quarantine(store, lambda: views_name(world.number))
    assert quarantine.braked()
    assert 0 == quarantine.count()
    world.line().take(1, lanes[1])
    assert quarantine.braked()
    world.line().take(0, lanes[0])
    assert None is quarantine.brake()
    assert indexes(lanes[0]) == world.told(0)
    with store.read() as connection:
        assert connection.execute(select(BRAKES)).all() == []


def test_a_database_that_is_away_is_waited_for_with_growing_pauses(world: World, lanes: Lanes) -> None:
    pauses: list[float] = []
    failing = _away(3)
    line = world.line(lambda number: failing(number), sleep=pauses.append)
    line.take(0, lanes[0][:20])
    assert [0.05, 0.1, 0.2] == pauses
    assert indexes(lanes[0][:20]) == world.told(0)


def test_a_line_that_is_to_stop_waits_no_longer(world: World, lanes: Lanes) -> None:
    failing = _away(10**9)
    line = world.line(lambda number: failing(number), retries=10**9, sleep=lambda _: line.stop())
    with pytest.raises(UnavailableFault, match="views_behind"):
        line.take(0, lanes[0])


def _away(times: int) -> Callable[[int], Diary]:
    """A diary whose database is away so many times."""

    class Away(Diary):
        left = times

        def apply(self, *given: Any) -> None:
            super().apply(*given)
            if Away.left:
                Away.left -= 1
                raise OperationalError("INSERT", {}, ConnectionError("away"))

    return Away


def test_the_rows_of_partitions_are_the_positions(world: World, lanes: Lanes) -> None:
    world.line().take(1, lanes[1][:7])
    with world.generations.store(world.number).read() as connection:
        rows = connection.execute(
            select(PARTITIONS.c.partition, PARTITIONS.c.log_index).where(PARTITIONS.c.name == views_name(world.number))
        )
        assert {1: lanes[1][6].event.log_index} == {row.partition: row.log_index for row in rows}


@pytest.mark.parametrize("together", [False, True])
def test_connections_that_are_lost_at_any_moment_lose_nothing_and_count_nothing_twice(
    generations: PostgresGenerations, postgres_server: Any, together: bool
) -> None:
    # A connection may be lost before a commit, in it, or after it: the position tells which.
    log = FakeLog(
        recorded(n, "encounter.engaged", {"call": f"c-{n % 97}"}, id=f"e{n}", recorded_at_us=NOW_US)
        for n in range(1, 1_001)
    )
    world, lanes = World(generations, log), messages(log.events, COUNT)
    done, ended = threading.Event(), []
    line = world.line(batch_limit=5, retries=10_000, sleep=lambda _: None)

    def end_connections() -> None:
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tallystick views' AND pid <> pg_backend_pid()"
        )
        dice = random.Random(7)
        with psycopg.connect(postgres_server.address, autocommit=True) as connection:
            while not done.wait(dice.uniform(0.02, 0.15)):
                ended.append(len(connection.execute(query).fetchall()))

    ending = threading.Thread(target=end_connections)
    ending.start()
    try:
        if together:
            line.take_many(dict(enumerate(lanes)))
        for partition, lane in enumerate(lanes):
            line.take(partition, lane)
    finally:
        done.set()
        ending.join()
    assert sum(ended) > 5
    for partition, lane in enumerate(lanes):
        assert indexes(lane) == world.told(partition)
    assert 0 == Quarantine(generations.store(world.number), lambda: views_name(world.number)).count()
