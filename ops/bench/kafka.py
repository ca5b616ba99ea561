"""How fast events come in from Kafka and reach the views, a worker and two, against consumers that do nothing.

Each figure has a ledger and topics of its own, filled before the clock starts. A worker's rate is taken between its
first and its last commit, so that starting a process and joining a group are not in it; both from the database.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from typing import Any, Final

import orjson
import psycopg

from contracts.partitioning import partition_of
from ops.bench.load import wire_events
from ops.bench.measuring import Report
from ops.bench.postgres import fill
from ops.bench.servers import Fresh, Scaled
from streams.kafka.topics import intake_topic

EVENTS_PARTITIONS: Final = 8
"""As the settings have it where nothing is said."""

_POLL_S = 0.02
_PATIENCE_S = 120.0


def bench_kafka(report: Report, fresh: Fresh, rounds: int, events: int) -> None:
    """Intake and projection by one worker, projection by two, the relay; each against bare consumers of its topic."""
    intake: list[float] = []
    aiokafka: list[float] = []
    faust: list[float] = []
    relay: list[float] = []
    one: list[float] = []
    two: list[float] = []
    whole: list[float] = []
    for number in range(rounds):
        ledger = fresh()
        topic = intake_topic(ledger.prefix)
        asyncio.run(_send(ledger.broker, topic, events, f"k{number}"))
        aiokafka.append(asyncio.run(_consume(ledger.broker, topic, events)))
        faust.append(_bare_faust(ledger.broker, topic, events))
        with ledger.running("worker", "--intake", "--no-projection"):
            intake.append(_rate(ledger, _HEAD, events))
        with ledger.running("relay"):
            relay.append(_rate(ledger, _RELAYED, events))
        for workers, rates in ((1, one), (2, two)):
            rates.append(_projection(fresh(), workers, events, f"t{number}"))
        whole.append(_end_to_end(fresh(), events, f"e{number}"))
    _held(report, "Kafka-in: intake by one worker, events/s", intake, aiokafka, faust)
    _held(report, "Kafka-in end to end, one worker of each kind: sent → on the scorecard", whole, aiokafka, faust)
    report.add("  relay: log → topic", f"{statistics.median(relay):,.0f} events/s")
    _held(report, "projection by one worker, events/s", one, aiokafka, faust)
    ratio = statistics.median(b / a for a, b in zip(one, two, strict=True))
    report.add(
        "projection by two workers ÷ by one (same two cores as broker and database)",
        f"{ratio:.2f} × ({statistics.median(two):,.0f} against {statistics.median(one):,.0f} events/s)",
    )


def _held(
    report: Report, what: str, figures: Sequence[float], aiokafka: Sequence[float], faust: Sequence[float]
) -> None:
    mine, bare, agent = (statistics.median(rates) for rates in (figures, aiokafka, faust))
    report.add(
        what,
        f"{mine:,.0f}: {mine / bare:.1%} of a bare aiokafka consumer ({bare:,.0f}), "
        f"{mine / agent:.0%} of a bare Faust agent ({agent:,.0f})",
    )


def _projection(ledger: Scaled, workers: int, events: int, tag: str) -> float:
    """What so many workers apply together: all of them have joined before the relay sends the first event."""
    fill(ledger.database, events, tag)
    with ExitStack() as processes:
        for _ in range(workers):
            processes.enter_context(ledger.running("worker", "--no-intake", "--projection"))
        asyncio.run(_joined(ledger, workers))
        processes.enter_context(ledger.running("relay"))
        return _applied(ledger, events)


async def _joined(ledger: Scaled, workers: int) -> None:
    """Wait until so many consumers share the topic of events and none of them is about to."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(bootstrap_servers=ledger.broker)
    await admin.start()
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            members = 0
            with suppress(KafkaError):  # the group has no coordinator until its first member comes
                (told,) = await admin.describe_consumer_groups([f"{ledger.prefix}.projection"])
                (group,) = told.groups
                members = len(group[5]) if group[2] == "Stable" else 0
            if members == workers:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{members} of {workers} workers have joined")
            await asyncio.sleep(_POLL_S)
    finally:
        await admin.close()


def _end_to_end(ledger: Scaled, events: int, tag: str) -> float:
    asyncio.run(_send(ledger.broker, intake_topic(ledger.prefix), events, tag))
    with (
        ledger.running("relay"),
        ledger.running("worker", "--no-intake", "--projection"),
        ledger.running("worker", "--intake", "--no-projection"),
    ):
        return _rate(ledger, _VISIBLE, events, since=_HEAD)


_HEAD = "SELECT coalesce(max(log_index), 0) FROM head"
_RELAYED = "SELECT coalesce(max(log_index), 0) FROM relays"
_VISIBLE = "SELECT coalesce(max(log_index), 0) FROM positions"


def _rate(ledger: Scaled, query: str, events: int, since: str | None = None) -> float:
    """Events a second between the first moment at which the count has moved and the one at which it is whole."""
    with psycopg.connect(ledger.database, autocommit=True) as connection:

        def asked(sql: str) -> int:
            row = connection.execute(sql.encode()).fetchone()
            return 0 if row is None else int(row[0])

        began, done = _first_move(lambda: asked(since or query))
        deadline = time.monotonic() + _PATIENCE_S
        if since is not None:
            done = 0
        while (now := asked(query)) < events:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {now} of {events} events after {_PATIENCE_S:.0f} s")
            time.sleep(_POLL_S)
        return (events - done) / (time.perf_counter() - began)


def _applied(ledger: Scaled, events: int) -> float:
    """Events a second that the workers apply, from the first commit seen to the one after which nothing is left."""
    with psycopg.connect(ledger.database, autocommit=True) as connection:
        subjects = connection.execute("SELECT log_index, text FROM log JOIN names ON names.id = subject_id").fetchall()
        partition = {index: partition_of(subject, EVENTS_PARTITIONS) for index, subject in subjects}
        ends: dict[int, int] = {}
        for index, place in partition.items():
            ends[place] = max(index, ends.get(place, 0))

        def places() -> dict[int, int]:
            return dict(
                connection.execute("SELECT partition, log_index FROM partitions WHERE log_index > 0").fetchall()
            )

        began, _ = _first_move(lambda: len(places()))
        first = places()
        done = sum(index <= first.get(place, 0) for index, place in partition.items())
        deadline = time.monotonic() + _PATIENCE_S
        while any(places().get(place, 0) < end for place, end in ends.items()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the workers stand at {places()}, the relay at {ends}")
            time.sleep(_POLL_S)
        return float((events - done) / (time.perf_counter() - began))


def _first_move(asked: Callable[[], int]) -> tuple[float, int]:
    deadline = time.monotonic() + _PATIENCE_S
    while not (done := asked()):
        if time.monotonic() > deadline:
            raise RuntimeError("nothing moved")
        time.sleep(_POLL_S)
    return time.perf_counter(), done


async def _send(broker: str, topic: str, events: int, tag: str) -> None:
    """Put so many events on an intake topic in the structured mode, keyed by subject."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=5)
    await producer.start()
    try:
        headers = [("content-type", b"application/cloudevents+json")]
        bodies = wire_events(events, tag=tag)
        while run := list(islice(bodies, 2000)):
            sent: list[Any] = []
            for body in run:
                key = orjson.loads(body)["subject"].encode()
                sent.append(await producer.send(topic, body, key=key, headers=headers))
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def _consume(broker: str, topic: str, events: int) -> float:
    """Events a second of a consumer that only counts."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        # Joining is not in it, fetching is.
        seen, began = 0, time.perf_counter()
        while seen < events:
            for messages in (await consumer.getmany(timeout_ms=1000, max_records=5000)).values():
                seen += len(messages)
        return seen / (time.perf_counter() - began)
    finally:
        await consumer.stop()


def _bare_faust(broker: str, topic: str, events: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "ops.bench.bare_faust", broker, topic, str(events)],
        capture_output=True,
        text=True,
        check=True,
        timeout=_PATIENCE_S,
    )
    return events / float(done.stdout.split()[-1])
