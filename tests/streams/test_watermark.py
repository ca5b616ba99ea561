"""The scorecard is complete up to where every partition is, and one worker at a time says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import Connection

from contracts.faults import UnavailableFault
from contracts.ports import LogReader, Store, views_name
from contracts.recorded import Head
from projections.generations.postgres import PostgresGenerations
from streams.kafka.tables import RELAYS, SET_RELAY_PARTITION
from streams.leases import Leases
from streams.partition_line import PartitionLine
from streams.place import place
from streams.tables import POSITIONS
from streams.watermark import Keeper, Places, places
from tests.delivery.delivery_world import PARTITIONS as COUNT
from tests.delivery.delivery_world import Diary
from tests.projections.fake_log import FakeLog, recorded
from tests.projections.partition_world import NOW_US, messages

TOPIC = "t.events"
LANES = st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=30)


@given(lane_of=LANES, data=st.data())
@settings(max_examples=200, deadline=None)
def test_every_event_up_to_the_watermark_is_applied(lane_of: list[int], data: st.DataObject) -> None:
    # Events 1, 2, 3 … each on some partition; the relay somewhere, each partition anywhere up to there.
    relayed = data.draw(st.integers(0, len(lane_of)))
    on = {p: [n for n, lane in enumerate(lane_of[:relayed], 1) if lane == p] for p in range(COUNT)}
    sent = {p: events[-1] for p, events in on.items() if events}
    applied = {p: data.draw(st.sampled_from([0, *events])) for p, events in on.items()}
    found = Places(relayed, sent, applied, position=0)
    missing = [n for p, events in on.items() for n in events if n > applied[p]]
    assert min(missing, default=relayed + 1) > found.watermark
    assert (relayed if not missing else max(0, found.watermark)) == found.watermark
    assert {p for p, events in on.items() if events and events[-1] > applied[p]} == set(found.behind())


def test_a_partition_that_is_behind_holds_the_watermark_where_it_stands() -> None:
    assert Places(100, {0: 90, 1: 100}, {0: 40, 1: 100, 2: 0}, 0).watermark == 40
    assert Places(100, {0: 90, 1: 100}, {0: 90, 1: 100, 2: 0}, 0).watermark == 100
    assert Places(100, {0: 90, 1: 100}, {0: 50, 1: 50, 2: 50}, 50).watermark == 50


class World:
    """A live diary, a relay that has sent everything, and keepers whose clocks the test moves."""

    def __init__(self, address: str) -> None:
        self.generations = PostgresGenerations(address, clock=lambda: NOW_US)
        self.log = FakeLog(
            recorded(n, "encounter.engaged", {"call": f"c-{n}"}, id=f"e{n}", recorded_at_us=NOW_US)
            for n in range(1, 41)
        )
        self.lanes = messages(self.log.events, COUNT)
        self.number = self.generations.begin("test")
        self.store = self.generations.store(self.number)
        diary = Diary(self.number)
        with self.store.write() as connection:
            diary.prepare(connection)
            row = {"name": diary.name, "version": diary.version, "log_index": 0, "digest": ""}
            connection.execute(POSITIONS.insert(), row)
            relay = {"topic": TOPIC, "partitions": COUNT, "log_index": 40, "token": 1}
            connection.execute(RELAYS.insert(), relay)
            for number, lane in enumerate(self.lanes):
                last = {"topic": TOPIC, "partition": number, "log_index": lane[-1].event.log_index}
                connection.execute(SET_RELAY_PARTITION, last)
        self.now_s = 0.0
        self.machine_us = NOW_US
        self.poison_of = 0
        self.overtaken = 0
        self.judged_at_us: list[int] = []
        self.counted: list[int] = []
        self.before: Callable[[], None] = lambda: None

    def line(self) -> PartitionLine:
        return PartitionLine(
            self.log,
            self.generations,
            lambda number: Diary(number, poison_of=self.poison_of),
            partitions=COUNT,
            clock=lambda: NOW_US,
            brake_keys=1,
        )

    def keeper(self, holder: str, **options: Any) -> Keeper:
        return Keeper(
            self.line(),
            self.log,
            Leases(self.store, lambda: NOW_US),
            self.count,
            holder=holder,
            topic=TOPIC,
            clock=lambda: self.machine_us,
            stalled_after_s=options.pop("stalled_after_s", 3.0),
            monotonic=lambda: self.now_s,
            **options,
        )

    def count(self, store: Store, reader: LogReader, now_us: int, done: Callable[[Connection], None]) -> int:
        self.judged_at_us.append(now_us)
        self.before()
        if self.overtaken:
            self.overtaken -= 1
            return 0
        with store.write() as connection:
            connection.exec_driver_sql("INSERT INTO diary (log_index, subject) VALUES (-1, 'cells')")
            done(connection)
        self.counted.append(self.position())
        return 1

    def position(self) -> int:
        with self.store.read() as connection:
            return place(connection, views_name(self.number)).log_index

    def lease_until_us(self) -> int:
        with self.store.read() as connection:
            return int(connection.execute(text("SELECT until_us FROM leases WHERE name = 'cells'")).scalar_one())

    def cells(self) -> int:
        return sum(subject == "cells" for _, subject in Diary.entries(self.store))


@pytest.fixture
def world(postgres_address: str) -> Iterator[World]:
    made = World(postgres_address)
    yield made
    made.generations.close()


def test_the_position_moves_with_the_cells_to_where_every_partition_is(world: World) -> None:
    keeper, line = world.keeper("one"), world.line()
    ends = [lane[-1].event.log_index for lane in world.lanes]
    for number in range(COUNT - 1):
        line.take(number, world.lanes[number])
    assert keeper.turn()
    assert [0] == world.counted
    line.take(COUNT - 1, world.lanes[-1][:2])
    assert keeper.turn()
    line.take(COUNT - 1, world.lanes[-1])
    assert keeper.turn()
    assert [0, world.lanes[-1][1].event.log_index, 40] == world.counted
    assert max(ends) == 40
    with world.store.read() as connection:
        assert world.log.events[-1].digest.hex() == place(connection, views_name(world.number)).digest


def test_nothing_is_counted_again_while_nothing_is_applied(world: World) -> None:
    keeper = world.keeper("one")
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)
    for _ in range(3):
        keeper.turn()
    assert len(world.counted) <= 2


def test_a_count_that_was_overtaken_is_made_again(world: World) -> None:
    # By a replay, say: nothing was written, and no event may come that would bring it up.
    keeper = world.keeper("one")
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)
    world.overtaken = 2
    positions = []
    for _ in range(4):
        assert keeper.turn()
        positions.append(world.position())
    assert [0, 0, 40, 40] == positions


def test_events_that_are_applied_while_cells_are_counted_wait_for_the_next_count(world: World) -> None:
    line = world.line()
    world.before = lambda: [line.take(number, lane) for number, lane in enumerate(world.lanes)] and None
    keeper = world.keeper("one")
    keeper.turn()
    world.before = lambda: None
    keeper.turn()
    assert [0, 40] == world.counted


def test_one_keeper_at_a_time_and_the_next_when_it_has_gone(world: World) -> None:
    first, second = world.keeper("one"), world.keeper("two")
    assert first.turn()
    assert not second.turn()
    first.stop()
    assert second.turn()


def test_the_moment_of_judging_never_goes_back_at_a_machine_with_a_slower_clock(world: World) -> None:
    # An earlier moment than that of the stored cells would have all of them counted anew.
    first, second = world.keeper("one"), world.keeper("two")
    assert first.turn()
    first.stop()
    world.machine_us = NOW_US - 3_600_000_000
    assert second.turn()
    one, two = world.judged_at_us
    assert one < two < one + 3_600_000_000


def test_a_keeper_that_lost_its_lease_writes_no_cells(world: World) -> None:
    first, second = world.keeper("one"), world.keeper("two")
    assert first.turn()
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)

    def taken_over() -> None:
        # The holder slept, its time ran out, and somebody else took the lease.
        with world.store.share() as connection:
            connection.execute(text("UPDATE leases SET until_us = 0"))
        world.before = lambda: None
        assert second.turn()

    world.before = taken_over
    cells = world.cells()
    with pytest.raises(UnavailableFault, match="lease_lost"):
        first.turn()
    assert cells + 1 == world.cells()
    assert 40 == world.position()


def test_a_count_that_takes_longer_than_the_lease_keeps_it(world: World) -> None:
    first, second = world.keeper("one", lease_s=0.6), world.keeper("two", lease_s=0.6)
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)
    taken: list[bool] = []

    def slow() -> None:
        # Until the time that was taken at the beginning of the turn has run out twice.
        began = world.lease_until_us()
        _until(lambda: taken.append(second.turn()) or world.lease_until_us() > began + 1_200_000 or any(taken))

    world.before = slow
    assert first.turn()
    assert {False} == set(taken)
    assert [40] == world.counted


@pytest.mark.parametrize(("behind", "took_s", "rests_s"), [(20_001, 7, 7), (20_001, 60, 10), (20_000, 7, 0)])
def test_far_behind_a_count_is_followed_by_a_rest_as_long(
    world: World, monkeypatch: pytest.MonkeyPatch, behind: int, took_s: int, rests_s: int
) -> None:
    def slow() -> None:
        world.now_s += took_s

    world.before = slow
    monkeypatch.setattr(world.log, "head", lambda: Head(behind, NOW_US, b""))
    keeper = world.keeper("one", stalled_after_s=1e9)
    assert keeper.turn()
    ended_s = world.now_s
    world.line().take(0, world.lanes[0][:1])
    while keeper.turn() and len(world.counted) < 2:
        world.now_s += 1
        assert world.now_s < ended_s + 60
    assert rests_s == world.now_s - took_s - ended_s


def test_a_turn_that_hangs_leaves_the_lease_to_another(world: World) -> None:
    first = world.keeper("one", lease_s=0.3, turn_max_s=0.6)
    second = world.keeper("two", lease_s=0.3)
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)

    def hang() -> None:
        world.before = lambda: None
        _until(second.turn)

    world.before = hang
    with pytest.raises(UnavailableFault, match="lease_lost"):
        first.turn()
    assert [40] == world.counted


def test_a_partition_that_stands_still_though_more_was_sent_is_brought_on(world: World) -> None:
    # Its messages were acknowledged unseen, or its worker died: no message will ever come.
    keeper = world.keeper("one")
    for number in range(1, COUNT):
        world.line().take(number, world.lanes[number])
    keeper.turn()
    world.now_s = 2.9
    keeper.turn()
    assert 0 == world.position()
    world.now_s = 3.1
    keeper.turn()
    keeper.turn()
    assert 40 == world.position()


def test_a_partition_that_cannot_go_on_keeps_no_cells_from_being_counted(world: World) -> None:
    world.poison_of = 1
    keeper = world.keeper("one")
    keeper.turn()
    world.poison_of = 0
    line = world.line()
    for number in range(1, COUNT):
        line.take(number, world.lanes[number][:-1])
    world.now_s = 4.0
    for number in range(1, COUNT):
        line.take(number, world.lanes[number])
    counted = len(world.counted)
    with pytest.raises(UnavailableFault, match="projection_stopped"):
        keeper.turn()
    assert counted + 1 == len(world.counted)


def test_a_partition_that_cannot_go_on_is_tried_at_a_slow_pace(world: World) -> None:
    world.poison_of = 1
    keeper, tried = world.keeper("one"), []
    for now_s in range(30):
        world.now_s = float(now_s)
        try:
            keeper.turn()
        except UnavailableFault:
            tried.append(now_s)
    # All partitions stand still, and are found to together.
    assert [3, 13, 23] == tried


def test_a_partition_that_moves_is_left_to_its_worker(world: World) -> None:
    keeper, line = world.keeper("one"), world.line()
    for number in range(1, COUNT):
        line.take(number, world.lanes[number])
    for taken, now_s in enumerate((0.0, 2.0, 4.0, 6.0), start=1):
        world.now_s = now_s
        line.take(0, world.lanes[0][:taken])
        keeper.turn()
        with world.store.read() as connection:
            found = places(connection, views_name(world.number), TOPIC, COUNT)
        assert world.lanes[0][taken - 1].event.log_index == found.applied[0]


def test_a_keeper_on_a_thread_waits_out_what_passes(world: World) -> None:
    failures: list[Any] = [True, True]

    def fail() -> None:
        if failures:
            failures.pop()
            raise UnavailableFault(_passing())

    world.before = fail
    keeper = world.keeper("one")
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)
    keeper.start()
    try:
        _until(lambda: world.position() == 40)
    finally:
        keeper.stop()
    assert keeper.fault is None


def test_a_keeper_that_cannot_count_leaves_it_to_another(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        world.before = lambda: None
        raise ValueError("no such column")

    world.before = fail
    first, second = world.keeper("one"), world.keeper("two")
    for number, lane in enumerate(world.lanes):
        world.line().take(number, lane)
    first.start()
    try:
        _until(lambda: isinstance(first.fault, ValueError) and not first.holds)
        _until(second.turn)
    finally:
        first.stop()
    assert 40 == world.position()
    assert "could not be counted" in caplog.text


def _passing() -> Any:
    from contracts.faults import problem

    return problem("views_behind", "for a while")


def _until(reached: Callable[[], bool]) -> None:
    import time

    until_s = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < until_s
        time.sleep(0.01)
