"""A partition whose brake is applied waits unacknowledged and holds up no other; what is unexpected ends the worker."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.faults import UnavailableFault, fault
from contracts.kafka_binding import Message, Published, outgoing
from contracts.recorded import Accepted, Recorded
from ops.torture.equality import Given
from streams import faust_app
from streams.faust_app import _acknowledge
from streams.projection_feed import ProjectionFeed
from tests.projections.partition_world import NOW_US, messages

COUNT = 4
Lanes = list[list[Message]]


class Line:
    """A line of which some partitions stand still, with a fault of some code."""

    partitions = COUNT

    def __init__(self) -> None:
        self.stopped: dict[int, str] = {}
        self.at: dict[int, int] = {}
        self.tries: list[int] = []

    def take_many(self, taken: dict[int, Sequence[Published]]) -> dict[int, UnavailableFault]:
        standing = {}
        for partition, some in taken.items():
            try:
                self.catch_up(partition, max(one.event.log_index for one in some))
            except UnavailableFault as stopped:
                if stopped.problem.code != "projection_stopped":
                    raise
                standing[partition] = stopped
        return standing

    def take(self, partition: int, some: Sequence[Published]) -> int:
        return self.catch_up(partition, max(one.event.log_index for one in some))

    def catch_up(self, partition: int, upto: int) -> int:
        self.tries.append(partition)
        if partition in self.stopped:
            raise fault(self.stopped[partition], "too much")
        self.at[partition] = max(upto, self.at.get(partition, 0))
        return self.at[partition]


class World:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.line = Line()
        self.feed = ProjectionFeed(self.line, monotonic=lambda: self.now_s)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def lanes() -> Lanes:
    accepted = [event for group in Given.of(400, 3).groups() for event in group[1] if isinstance(event, Accepted)]
    return [
        [Message("t", n, at, sent.key, sent.value, sent.headers) for at, sent in enumerate(map(_sent, lane))]
        for n, lane in enumerate(messages([_recorded(n, one) for n, one in enumerate(accepted, start=1)], COUNT))
    ]


def _sent(one: Published) -> Any:
    return outgoing(one.event, one.prev)


def _recorded(number: int, accepted: Any) -> Recorded:
    given = {name: getattr(accepted, name) for name in accepted.__struct_fields__}
    return Recorded(log_index=number, recorded_at_us=NOW_US, **given)


def last(some: Sequence[Message]) -> int:
    return int(dict(some[-1].headers)["log_index"])


def test_a_partition_that_stands_still_waits_and_the_others_go_on(world: World, lanes: Lanes) -> None:
    world.line.stopped[1] = "projection_stopped"
    assert {1} == world.feed.handle([*lanes[0][:5], *lanes[1][:5], *lanes[2][:5]])
    assert {0: last(lanes[0][:5]), 2: last(lanes[2][:5])} == world.line.at
    assert 10 == world.feed.applied


def test_a_partition_that_waits_is_tried_at_a_slow_pace_and_then_has_all_that_came(world: World, lanes: Lanes) -> None:
    world.line.stopped[1] = "projection_stopped"
    for some in (lanes[1][:2], lanes[1][2:9], lanes[0][:1]):
        assert {1} == world.feed.handle(some)
    assert 1 == world.line.tries.count(1)
    world.now_s = 10.0
    assert {1} == world.feed.handle(lanes[0][1:2])
    assert 2 == world.line.tries.count(1)
    world.line.stopped.clear()
    assert {1} == world.feed.handle(lanes[0][2:3])
    world.now_s = 20.0
    assert frozenset() == world.feed.handle(lanes[0][3:4])
    assert last(lanes[1][:9]) == world.line.at[1]
    assert frozenset() == world.feed.handle(lanes[1][9:12])
    assert last(lanes[1][:12]) == world.line.at[1]


@pytest.mark.parametrize("code", ["integrity_broken", "views_behind"])
def test_anything_else_is_raised(world: World, lanes: Lanes, code: str) -> None:
    # Negative control.
    world.line.stopped[1] = code
    with pytest.raises(UnavailableFault, match=code):
        world.feed.handle([*lanes[0][:5], *lanes[1][:5]])


class Event:
    """As the framework's: acknowledged once."""

    def __init__(self, partition: int, offset: int) -> None:
        self.value: bytes | None = b"v"
        self.message = SimpleNamespace(partition=partition, offset=offset, value=b"v", headers=[])
        self.acked = 0

    def ack(self) -> None:
        self.acked += 1


def test_what_waits_is_acknowledged_when_its_partition_goes_on_and_not_before() -> None:
    held: dict[int, Any] = {}
    first = [Event(0, 0), Event(1, 0), Event(1, 1)]
    _acknowledge(first, {1}, held)
    assert [1, 0, 0] == [event.acked for event in first]
    assert [None, None] == [event.message.value for event in first[1:]]
    second = [Event(1, 2), Event(0, 1)]
    _acknowledge(second, {1}, held)
    assert [0, 1] == [event.acked for event in second]
    third = [Event(0, 2)]
    _acknowledge(third, (), held)
    assert {1} == {event.acked for event in [*first, *second, *third]}
    assert {} == held


def test_only_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_app, "HELD_MAX", 3)
    held: dict[int, Any] = {}
    events = [Event(1, offset) for offset in range(5)]
    _acknowledge(events, {1}, held)
    assert [1, 1, 0, 0, 0] == [event.acked for event in events]
