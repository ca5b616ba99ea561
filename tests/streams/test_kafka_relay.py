"""The relay: every event once or more, in order, in a chain without a hole, whatever ends it; one relay at a time."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contracts.faults import UnavailableFault
from contracts.intake import validate
from contracts.ports import Store
from domain.ledger import Ledger
from streams.kafka import relay_position
from streams.kafka.producing import Producer
from streams.kafka.relay import Relay
from streams.kafka.topics import Topic, events_topic
from tests.projections.fake_log import FakeLog, MemoryStore
from tests.servers.broker import Broker
from tests.streams.durable import durable_store, with_durable_tables
from tests.streams.kafka_world import (
    PARTITIONS,
    Running,
    brokers,
    check_events,
    event_json,
    read_all,
    recorded_events,
    until,
)
from tests.streams.told_clock import ToldClock

__all__ = ["durable_store"]


class Crash(Exception):
    """The process ends here."""


def crash_at(step: str, time: int = 2) -> Callable[[str], None]:
    """Raises when a step comes up for the so-many-th time."""
    seen: Counter[str] = Counter()

    def met(name: str) -> None:
        seen[name] += 1
        if name == step and seen[name] == time:
            raise Crash(step)

    return met


class World:
    """A log, a store and a topic; relays are made on them."""

    def __init__(self, address: str, prefix: str, store: Store, events: int) -> None:
        self.log = FakeLog(recorded_events(events))
        self.store = store
        self.clock = ToldClock()
        self.address = address
        self.topic = events_topic(prefix)

    def relay(self, holder: str = "a", **options: Any) -> Relay:
        partitions = options.pop("partitions", PARTITIONS)
        return Relay(
            self.log, self.store, brokers(self.address), Topic(self.topic, partitions, fixed=True), holder=holder,
            clock=self.clock, batch_events=options.pop("batch_events", 7), **options,
        )  # fmt: skip

    def position(self) -> int:
        with self.store.read() as connection:
            return relay_position.standing(connection, self.topic).log_index

    def all_sent(self, relay: Relay) -> None:
        with Running(relay) as running:
            until(lambda: running.raised is not None or self.position() == len(self.log.events))
        assert running.raised is None

    def check(self) -> int:
        return check_events(read_all(self.address, self.topic), self.log.events)


@pytest.fixture
def world(broker: str, topic_prefix: str, durable_store: Store) -> World:
    return World(broker, topic_prefix, durable_store, events=60)


@pytest.fixture
def small(broker: str, topic_prefix: str) -> World:
    """As ``world``, on SQLite alone, where the tests tell the time."""
    return World(broker, topic_prefix, with_durable_tables(MemoryStore()), events=40)


def test_every_event_is_sent_in_order_and_in_a_chain(world: World) -> None:
    relay = world.relay()
    world.all_sent(relay)
    assert 0 == world.check()
    assert ("stopped", 60, 60) == (relay.standing.state, relay.standing.position, relay.standing.sent)


def test_what_is_recorded_later_is_sent_later_by_the_same_relay(small: World) -> None:
    later = small.log.events[25:]
    del small.log.events[25:]
    with Running(small.relay()):
        until(lambda: small.position() == 25)
        small.log.events.extend(later)
        until(lambda: small.position() == 40)
    assert 0 == small.check()


def test_a_relay_that_ends_at_any_step_leaves_no_hole_and_no_wrong_link(world: World) -> None:
    for step in ("read", "sent", "saved", "committed"):
        relay = world.relay(step, step=crash_at(step))
        with pytest.raises(Crash):
            relay.run()
    world.all_sent(world.relay("last"))
    # "sent" and "saved" ended between the acknowledgement and the commit, each with one batch of seven.
    assert 14 == world.check()


def test_the_law_notices_a_batch_that_was_only_said_to_be_sent(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real, batches = Producer.send, Counter[str]()

    async def lossy(self: Producer, topic: str, messages: Any) -> None:
        batches[topic] += 1
        if batches[topic] != 2:
            await real(self, topic, messages)
        else:
            assert list(messages)

    monkeypatch.setattr(Producer, "send", lossy)
    small.all_sent(small.relay())
    with pytest.raises(AssertionError, match="event"):
        small.check()


def test_a_relay_that_slept_saves_nothing_after_another_took_over(small: World) -> None:
    sent, wake = threading.Event(), threading.Event()

    def sleep_once(name: str) -> None:
        if name == "sent" and not sent.is_set():
            sent.set()
            assert wake.wait(30)

    with Running(small.relay("sleeper", step=sleep_once)) as sleeper:
        until(sent.is_set)
        small.clock.forward(11)
        small.all_sent(small.relay("other"))
        with Running(small.relay("third")) as third:
            until(lambda: third.work.standing.state == "sending")
            wake.set()
            until(lambda: sleeper.work.standing.state == "waiting")
            assert 0 == sleeper.work.standing.position
    assert 40 == small.position()
    assert 7 == small.check()


def test_one_relay_sends_and_the_next_takes_over_at_once_when_it_stops(small: World) -> None:
    with Running(small.relay("b")) as second_to_be:
        until(lambda: second_to_be.work.standing.state == "sending")
        with Running(small.relay("c")) as waiting:
            until(lambda: waiting.work.standing.state == "waiting")
            second_to_be.work.stop()
            second_to_be.join()
            until(lambda: waiting.work.standing.state == "sending")
            until(lambda: small.position() == 40)
    assert 0 == small.check()
    assert 1 == waiting.work.standing.takeovers


def test_after_a_sigkill_another_takes_over_within_the_lease(broker: str, topic_prefix: str, tmp_path: Path) -> None:
    path, topic, count = tmp_path / "durable.db", events_topic(topic_prefix), 400
    with_durable_tables(MemoryStore(path))
    world = World(broker, topic_prefix, MemoryStore(path), events=count)
    world.clock = lambda: time.time_ns() // 1000  # type: ignore[assignment]
    arguments = [str(path), broker, topic, str(count), "first"]
    process = subprocess.Popen([sys.executable, "-m", "tests.streams.relay_process", *arguments])
    try:
        until(lambda: process.poll() is not None or world.position() > 50)
        with Running(world.relay("second", lease_s=2)) as second:
            until(lambda: second.work.standing.state == "waiting")
            process.kill()
            assert -signal.SIGKILL == process.wait(10)
            at = world.position()
            assert 0 < at < count, "it was to be met in the middle of its work"
            until(lambda: world.position() == count)
    finally:
        process.kill()
        process.wait()
    assert world.check() <= 5


def test_over_a_slow_link_every_portion_has_its_own_time(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real, most, states = Producer.send, max(len(event.body) for event in small.log.events) * 3, []

    async def slow(self: Producer, topic: str, messages: Any) -> None:
        ready = list(messages)
        if sum(len(message.value) for _, _, message in ready) > most:
            await real(self, topic, ready[:1])
            raise TimeoutError("the time is over, and a part has arrived")
        await real(self, topic, ready)

    monkeypatch.setattr(Producer, "send", slow)
    # The largest alone is more than a portion, and is a portion.
    for portion_bytes in (most, 1):
        relay = small.relay(
            f"of {portion_bytes}", batch_events=40, portion_bytes=portion_bytes,
            on_standing=lambda standing: states.append((standing.state, standing.head)),
        )  # fmt: skip
        small.all_sent(relay)
        assert 40 == relay.standing.sent
        small.topic += ".one"
    assert {("sending", 40), ("stopped", 40)} == {told for told in states if told[1]}


def test_what_is_not_acknowledged_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any) -> Any:
        yield asyncio.get_running_loop().create_future()

    monkeypatch.setattr(Producer, "_submitted", never)
    with pytest.raises(TimeoutError, match=r"t\.events: not all that was sent was acknowledged within 0\.01 s"):
        asyncio.run(Producer(None, 0.01).send("t.events", []))  # type: ignore[arg-type]


def test_a_topic_with_another_number_of_partitions_is_refused(small: World) -> None:
    small.all_sent(small.relay())
    with pytest.raises(UnavailableFault) as told:
        small.relay("b", partitions=PARTITIONS + 1).run()
    assert "topic_unsuitable" == told.value.problem.code
    small.all_sent(small.relay("c"))


@pytest.mark.parametrize("own_broker", ["apache"], indirect=True)
def test_a_broker_that_is_away_is_waited_for_and_nothing_is_passed_over(own_broker: Broker, topic_prefix: str) -> None:
    small = World(own_broker.address, topic_prefix, with_durable_tables(MemoryStore()), events=40)
    later = small.log.events[20:]
    del small.log.events[20:]
    states: list[str] = []
    with Running(small.relay(on_standing=lambda standing: states.append(standing.state))) as running:
        until(lambda: small.position() == 20)
        own_broker.kill()
        small.log.events.extend(later)
        until(lambda: running.work.standing.state == "broker_away")
        assert 20 == small.position()
        assert running.work.standing.error
        own_broker.start()
        until(lambda: small.position() == 40)
    small.check()
    assert {"sending", "broker_away", "stopped"} <= set(states)


def test_a_database_that_is_away_is_waited_for(small: World) -> None:
    real, fail = small.store.share, threading.Event()
    states: list[str] = []

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(small.store, name)

        def share(self) -> Any:
            if fail.is_set():
                from sqlalchemy.exc import OperationalError

                raise OperationalError("UPDATE relays", {}, Exception("server closed the connection"))
            return real()

    relay = Relay(
        small.log, Away(), brokers(small.address), Topic(small.topic, PARTITIONS, fixed=True), holder="a",
        clock=small.clock, batch_events=7, on_standing=lambda standing: states.append(standing.state),
        step=lambda name: fail.set() if name == "sent" and "database_away" not in states else None,
    )  # fmt: skip
    with Running(relay):
        until(lambda: "database_away" in states)
        fail.clear()
        until(lambda: small.position() == 40)
    assert 7 <= small.check()


def test_a_ledger_on_postgresql_that_loses_its_connections_is_sent_whole(
    broker: str, topic_prefix: str, postgres_address: str
) -> None:
    ledger = Ledger.connect(postgres_address, clock=ToldClock())
    try:
        raw = [json.dumps(event_json(number)).encode() for number in range(1, 61)]
        ledger.record([validate(event) for event in raw])
        reader = ledger.reader()
        cut: Counter[str] = Counter()

        def cut_off(name: str) -> None:
            cut[name] += 1
            if name in ("read", "sent", "committed") and cut[name] == 3:
                with psycopg.connect(postgres_address) as own:
                    own.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )

        relay = Relay(
            reader, ledger.store(), brokers(broker), Topic(events_topic(topic_prefix), PARTITIONS, fixed=True),
            holder="a", clock=ToldClock(), batch_events=7, step=cut_off,
        )  # fmt: skip
        with Running(relay) as running:
            until(lambda: running.raised is not None or relay.standing.position == 60)
        assert running.raised is None
        check_events(read_all(broker, events_topic(topic_prefix)), reader.after(0, 100))
        assert {"read", "sent", "saved", "committed"} == {name for name, times in cut.items() if times >= 3}
    finally:
        ledger.close()
