"""The agents have the one shape in which an error loses nothing; the framework's own shape loses, in the same test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faust
from mode.supervisors import CrashingSupervisor

from contracts.kafka_binding import Message, Outgoing
from streams.faust_app import Feed, Worker, make_app, run
from streams.kafka.connecting import Brokers
from streams.kafka.producing import producing
from streams.kafka.topics import Topic, ensure
from tests.delivery.delivery_world import DEADLINE_S, TIMING

MESSAGES = 60
FAILING = {31}
"""The offsets at which the handler fails when it first comes to them."""


class Handler:
    """Remembers what it has handled, which nothing here brings back if it is lost."""

    def __init__(self) -> None:
        self.handled: set[int] = set()
        self.failed: set[int] = set()

    def handle(self, messages: Sequence[Message]) -> None:
        offsets = {message.offset for message in messages}
        new = (offsets & FAILING) - self.failed
        if new:
            self.failed |= new
            raise RuntimeError("unexpected")
        self.handled |= offsets


def sent(broker: str, topic: str, numbers: range = range(MESSAGES), value: bytes = b"v") -> None:
    """Messages on a topic of one partition."""

    async def send() -> None:
        brokers = Brokers((broker,))
        await ensure(brokers, [Topic(topic, 1, fixed=True)])
        async with producing(brokers) as producer:
            await producer.send(topic, [(0, 1_000, Outgoing(b"k", value, [("n", b"%d" % n)])) for n in numbers])

    asyncio.run(send())


def until(reached: Callable[[], bool]) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < until_s, "not reached"
        time.sleep(0.02)


def running(worker: Worker, reached: Callable[[], bool]) -> list[BaseException]:
    """Runs a worker until something is so, or it ends by itself; what ended it."""
    stop, ended = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            run(worker, stop)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: reached() or not thread.is_alive())
    stop.set()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    return ended


def test_a_worker_that_fails_ends_and_the_next_one_loses_nothing(broker: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.safe"
    sent(broker, topic)
    handler, endings = Handler(), 0
    while len(handler.handled) < MESSAGES:
        feed = Feed("safe", (topic,), handler.handle, batch_events=10)
        worker = make_app(topic, Brokers((broker,)), [feed], timing=TIMING)
        ended = running(worker, lambda: len(handler.handled) == MESSAGES)
        assert all(isinstance(error, RuntimeError) for error in ended)
        endings += len(ended)
    assert endings == len(FAILING)
    assert set(range(MESSAGES)) == handler.handled


def test_the_shape_the_framework_has_by_default_loses_what_failed(
    broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    # Negative control: acknowledged on the way out of the error, and never seen again.
    topic = f"{topic_prefix}.default"
    sent(broker, topic)
    handler = Handler()
    worker = in_default_shape(broker, topic, handler, tmp_path)
    assert running(worker, lambda: len(handler.handled) >= MESSAGES - len(FAILING)) == []
    # Whoever comes next gets what is sent now, and nothing of what was before.
    sent(broker, topic, range(MESSAGES, MESSAGES + 1))
    running(in_default_shape(broker, topic, handler, tmp_path), lambda: MESSAGES in handler.handled)
    assert set(range(MESSAGES)) - handler.handled == FAILING


def in_default_shape(broker: str, topic: str, handler: Handler, folder: Path) -> Worker:
    made = make_app(topic, Brokers((broker,)), [], timing=TIMING)
    app = faust.App(
        topic,
        broker=f"kafka://{broker}",
        datadir=folder,
        web_enabled=False,
        topic_disable_leader=True,
        broker_session_timeout=TIMING.session_s,
        broker_heartbeat_interval=TIMING.heartbeat_s,
        broker_rebalance_timeout=TIMING.rebalance_s,
        broker_commit_interval=TIMING.commit_s,
    )

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            told = event.message
            handler.handle([Message(told.topic, told.partition, told.offset, told.key, told.value)])

    app.agent(app.topic(topic, value_serializer="raw", key_serializer="raw"), name="default")(agent)
    made.app = app
    return made


def test_what_is_not_handled_waits_at_the_broker_and_not_in_memory(broker: str, topic_prefix: str) -> None:
    topic, messages = f"{topic_prefix}.flood", 5_000
    sent(broker, topic, range(messages), b"x" * 4_000)
    go_on, handled = threading.Event(), list[int]()

    def handle(some: Sequence[Message]) -> None:
        handled.append(len(some))
        assert go_on.wait(DEADLINE_S)

    worker = make_app(topic, Brokers((broker,)), [Feed("slow", (topic,), handle, batch_events=10)], timing=TIMING)
    held: list[int] = []

    def settled() -> bool:
        if handled and not go_on.is_set():
            held.append(max((at or 0 for at in worker.app.consumer._read_offset.values()), default=0))
            if len(held) > 100 and len(set(held[-100:])) == 1:
                go_on.set()
        return sum(handled) == messages

    assert [] == running(worker, settled)
    # A batch in hand, a buffer of two more, and what one fetch brings.
    assert 10 <= held[-1] < messages / 4


def test_every_setting_that_keeps_a_message_is_set() -> None:
    feeds = [Feed(name, ("t",), lambda messages: None) for name in ("intake", "projection")]
    worker = make_app("g", Brokers(("127.0.0.1:9",)), feeds)
    settings, agents = worker.app.conf, list(worker.app.agents.values())
    try:
        assert len(agents) == 2
        for agent in agents:
            assert (1, CrashingSupervisor) == (agent.concurrency, agent.supervisor_strategy)
        assert settings.agent_supervisor is CrashingSupervisor
        assert (-1, "at_least_once") == (settings.producer_acks, settings.processing_guarantee.value)
        assert (False, True) == (settings.web_enabled, settings.topic_disable_leader)
        assert not worker.app.tables
        assert str(settings.store) == "memory:"
    finally:
        worker.folder.cleanup()
