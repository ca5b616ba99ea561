"""What the tests of relay and intake share: recorded events with real bodies, a topic read to its end, and the law
that a topic of events must keep."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.catalogue import CATALOGUE
from contracts.intake import validate
from contracts.kafka_binding import Headers, Published, published
from contracts.partitioning import partition_of
from contracts.recorded import Accepted, Recorded
from streams.kafka.connecting import Brokers

PARTITIONS = 4
CALL = CATALOGUE.entry("call.received.v1")


def brokers(address: str, **options: Any) -> Brokers:
    """How a test reaches a broker: it does not wait long for one that it has ended itself."""
    return Brokers((address,), {"request_timeout_ms": 3_000, **options})


def event_json(number: int, subjects: int = 20, source: str = "//lakeside-health/records") -> dict[str, Any]:
    """The event with this number as an agency would send it."""
    return {**CALL.example_event({"call": f"c-{number % subjects}"}), "id": f"e-{number}", "source": source}


def recorded_events(count: int, subjects: int = 20) -> list[Recorded]:
    """Events 1 … count as a ledger would hand them on."""
    events = []
    for number in range(1, count + 1):
        accepted = validate(json.dumps(event_json(number, subjects)).encode())
        assert isinstance(accepted, Accepted), accepted
        events.append(
            Recorded(
                number,
                1_760_000_000_000_000 + number,
                accepted.source,
                accepted.id,
                accepted.type,
                accepted.version,
                accepted.kind,
                accepted.subject,
                accepted.agency,
                accepted.time_us,
                accepted.supersedes,
                accepted.data,
                accepted.digest,
                accepted.body,
            )
        )
    return events


@dataclass(frozen=True, slots=True)
class Read:
    """A message as it stands on a topic."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def published(self) -> Published:
        return published(self.headers, self.value)

    def content(self) -> tuple[Any, ...]:
        """All that the relay says; the time is the broker's."""
        return (self.partition, self.key, self.value, tuple(self.headers))


def read_all(address: str, topic: str) -> list[Read]:
    """Every message that is on a topic now, by partition and offset."""

    async def walk() -> list[Read]:
        async with AIOKafkaConsumer(
            bootstrap_servers=address, auto_offset_reset="earliest", fetch_max_wait_ms=20
        ) as consumer:
            # Not every broker knows a topic as soon as a client does.
            until_s = time.monotonic() + 10
            while not (found := consumer.partitions_for_topic(topic)) and time.monotonic() < until_s:
                await consumer._client.force_metadata_update()
                consumer._client.add_topic(topic)
                await asyncio.sleep(0.05)
            places = [TopicPartition(topic, partition) for partition in sorted(found or ())]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            read: list[Read] = []
            for place in places:
                consumer.assign([place])
                await consumer.seek_to_beginning(place)
                while await consumer.position(place) < ends[place]:
                    found_now = (await consumer.getmany(place, timeout_ms=500)).get(place, [])
                    read.extend(
                        Read(one.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
                        for one in found_now
                    )
            return read

    return asyncio.run(walk())


def send_all(
    address: str, topic: str, messages: Sequence[tuple[bytes | None, bytes | None, Headers]], **to: int
) -> None:
    """Sends messages (key, value, headers) as an agency's client would."""

    async def walk() -> None:
        async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
            futures = [
                await producer.send(topic, value, key=key, headers=list(headers), **to)
                for key, value, headers in messages
            ]
            await asyncio.gather(*futures)

    asyncio.run(walk())


def check_events(messages: Sequence[Read], log: Sequence[Recorded], partitions: int = PARTITIONS) -> int:
    """The law of a topic of events: every event of the log is there, on its partition, in order, in a chain that
    begins at 0 and has no hole; a message that is repeated is the same in every byte. Returns how many are
    repeats."""
    last = dict.fromkeys(range(partitions), 0)
    seen: dict[int, tuple[Any, ...]] = {}
    repeats = 0
    for message in messages:
        told = message.published()
        index = told.event.log_index
        if index in seen:
            assert seen[index] == message.content(), f"event {index} was repeated otherwise"
            repeats += 1
            continue
        assert partition_of(told.event.subject, partitions) == message.partition
        assert last[message.partition] == told.prev, f"event {index} says {told.prev}, not {last[message.partition]}"
        assert index > told.prev
        last[message.partition] = index
        seen[index] = message.content()
        assert log[index - 1] == told.event
    assert list(range(1, len(log) + 1)) == sorted(seen)
    return repeats


def until(what: Callable[[], bool], within_s: float = 30) -> None:
    """Looks until something is so; fails where it does not become so in time."""
    end_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end_s, "it did not come about in time"
        time.sleep(0.02)


class Running:
    """Something with ``run`` and ``stop`` on a thread of its own; what it raised is kept."""

    def __init__(self, work: Any) -> None:
        self.work = work
        self.raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.work.run()
        except BaseException as error:  # noqa: BLE001 - a test looks at what ended it
            self.raised = error

    def join(self, within_s: float = 30) -> None:
        self._thread.join(within_s)
        assert not self._thread.is_alive(), "it did not end in time"

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.work.stop()
        self.join()
