"""The worker's Faust application: the one place that knows the framework, and the one shape in which it loses nothing.

Here, and nowhere else, because the framework acknowledges by default what it failed to process. The shape is: streams
without automatic acknowledgement, an explicit one after the handler has committed, one consumer an agent, and an
application that crashes with its agent. Offsets are a hint even so: what the framework skips after a rebalance, the
handlers find missing by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import faust
from mode.supervisors import CrashingSupervisor

from contracts.kafka_binding import Message
from streams.kafka.connecting import Brokers

LINGER_S: Final = 0.005
"""How long a batch waits for more when nothing is buffered."""
STOP_EVERY_S: Final = 0.05

HELD_MAX: Final = 100_000
"""So many messages of a partition that waits are held unacknowledged, without what they brought. Beyond that the oldest
are acknowledged: what the broker then no longer delivers is found missing like anything else."""

Handler = Callable[[Sequence[Message]], Collection[int] | None]
"""Called on a thread of its agent's own with a batch, messages of one partition in order. Blocks until everything is
committed and may be acknowledged, but for the partitions that it returns (a feed of one topic may): those wait, and
their messages are not acknowledged before a later batch comes back without them. What it raises ends the worker, and
the batch is delivered again."""


@dataclass(frozen=True, slots=True)
class Feed:
    """An agent: the topics it reads, what handles them, and how many messages it is given at once at most."""

    name: str
    topics: tuple[str, ...]
    handle: Handler
    batch_events: int = 2_000


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: how soon a dead worker is noticed and its partitions are somebody else's, and how often offsets are
    committed."""

    session_s: float = 10.0
    heartbeat_s: float = 2.0
    rebalance_s: float = 30.0
    commit_s: float = 1.0


@dataclass(eq=False)
class Worker:
    """An application with its agents. ``busy`` counts the batches in hand; once ``draining``, no new one is begun."""

    app: Any
    folder: tempfile.TemporaryDirectory[str]
    threads: list[ThreadPoolExecutor] = field(default_factory=list)
    busy: int = 0
    draining: bool = False


def make_app(group: str, brokers: Brokers, feeds: Sequence[Feed], *, timing: Timing = Timing()) -> Worker:
    """A worker of a consumer group, not started. No connection is made; a folder for the framework's own files is,
    which ``run`` removes."""
    folder = tempfile.TemporaryDirectory(prefix="tallystick-worker-")
    most = max((feed.batch_events for feed in feeds), default=1)
    # The framework's types are wrong in places, so nothing of it is typed beyond here.
    made = faust.App(
        group,
        broker=[f"kafka://{server}" for server in brokers.servers],
        broker_credentials=_credentials(brokers),
        datadir=Path(folder.name),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        # No topic but those that were made on purpose, and none for the framework's own use.
        topic_disable_leader=True,
        topic_allow_declare=False,
        processing_guarantee="at_least_once",
        producer_acks=-1,
        consumer_auto_offset_reset="earliest",
        agent_supervisor=CrashingSupervisor,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        # Above this much, fetching pauses: memory is bounded, whatever waits at the broker.
        stream_buffer_maxsize=max(16, 2 * most),
        broker_session_timeout=timing.session_s,
        broker_heartbeat_interval=timing.heartbeat_s,
        broker_rebalance_timeout=timing.rebalance_s,
        broker_commit_interval=timing.commit_s,
    )
    worker = Worker(cast(Any, made), folder)
    for feed in feeds:
        _add(worker, feed)
    return worker


def run(worker: Worker, stop: threading.Event) -> None:
    """Runs until ``stop`` is set: the batches in hand are then finished, their offsets committed and the group left.

    Blocks; to be called once, on a thread without an event loop. Raises what an agent raised.
    """
    try:
        asyncio.run(_run(worker, stop))
    finally:
        for thread in worker.threads:
            thread.shutdown(wait=True)
        worker.folder.cleanup()


async def _run(worker: Worker, stop: threading.Event) -> None:
    app = worker.app
    loop = asyncio.get_running_loop()
    app.loop = loop
    app.finalize()
    starting = asyncio.ensure_future(app.start())
    try:
        while not (stop.is_set() or app.crashed):
            if starting.done():
                starting.result()
            await asyncio.sleep(STOP_EVERY_S)
        worker.draining = True
        while worker.busy and not app.crashed:
            await asyncio.sleep(STOP_EVERY_S)
        if not app.crashed and starting.done():
            await app.commit(None)  # of every topic
    finally:
        starting.cancel()
        await app.stop()
    if app.crash_reason is not None:
        raise app.crash_reason


def _add(worker: Worker, feed: Feed) -> None:
    """Adds the agent of a feed, in the shape that loses nothing."""
    app = worker.app
    topic = app.topic(
        *feed.topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", internal=False
    )
    thread = ThreadPoolExecutor(1, thread_name_prefix=feed.name)
    worker.threads.append(thread)

    async def agent(stream: Any) -> None:
        held: dict[int, deque[Any]] = {}
        async for batch in _batches(stream, feed.batch_events):
            if worker.draining:
                # Neither begun nor acknowledged: the next one to have the partition gets it.
                await asyncio.Event().wait()
            worker.busy += 1
            try:
                messages = [_message(event) for event in batch]
                waiting = await asyncio.get_running_loop().run_in_executor(thread, feed.handle, messages)
                _acknowledge(batch, waiting or (), held)
            except asyncio.CancelledError:
                raise
            except BaseException:
                logging.getLogger(__name__).exception("the agent %s ends", feed.name)
                raise
            finally:
                worker.busy -= 1

    app.agent(topic, name=feed.name, concurrency=1, supervisor_strategy=CrashingSupervisor)(agent)


async def _batches(stream: Any, most: int) -> AsyncIterator[list[Any]]:
    """What is buffered, as batches: none waits longer for more than a moment, and nothing is acknowledged."""
    manual = stream.noack()
    queue = manual.channel.queue
    batch: list[Any] = []
    async for event in manual.events():
        batch.append(event)
        if len(batch) < most:
            if queue.empty():
                await asyncio.sleep(LINGER_S)
            if not queue.empty():
                continue
        yield batch
        batch = []


def _acknowledge(batch: Sequence[Any], waiting: Collection[int], held: dict[int, deque[Any]]) -> None:
    """Acknowledges a batch and what was held before, but for the partitions that wait: theirs are held."""
    for partition in held.keys() - set(waiting):
        for event in held.pop(partition):
            event.ack()
    for event in batch:
        message = event.message
        if message.partition not in waiting:
            event.ack()
            continue
        # The log has what it brought: only the acknowledgement is still owed.
        event.value = message.value = message.headers = None
        behind = held.setdefault(message.partition, deque())
        behind.append(event)
        if len(behind) > HELD_MAX:
            behind.popleft().ack()


def _message(event: Any) -> Message:
    told = event.message
    return Message(told.topic, told.partition, told.offset, told.key, told.value, list(told.headers or ()))


def _credentials(brokers: Brokers) -> Any:
    """How the framework is told what every other client is told."""
    options = brokers.options
    if "sasl_mechanism" in options:
        return faust.SASLCredentials(
            username=options.get("sasl_plain_username"),
            password=options.get("sasl_plain_password"),
            ssl_context=options.get("ssl_context"),
            mechanism=options["sasl_mechanism"],
        )
    if "ssl_context" in options:
        return faust.SSLCredentials(options["ssl_context"])
    return None
