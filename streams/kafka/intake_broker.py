"""The broker as the line of intake needs it: reading a range of a partition again, and sending answers.

Here apart from the line because these are the only waits on the network in it, and because a client of the broker lives
on an event loop while the line is called on a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.kafka_binding import Message, Outgoing
from contracts.partitioning import murmur2
from streams.kafka.connecting import Brokers
from streams.kafka.producing import Producer, producing
from streams.kafka.topics import INTAKE_PARTITIONS, Topic, ensure

T = TypeVar("T")

Place = tuple[str, int]
"""A topic and a partition."""

POLL_MS: Final = 500


class IntakeBroker:
    """A producer, and consumers without a group: opened when they are needed, and anew after a failure.

    One thread at a time may call it. Every method blocks, and raises ``connecting.AWAY`` where the brokers are away.
    """

    def __init__(self, brokers: Brokers) -> None:
        """Nothing is connected to yet."""
        self._brokers = brokers
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._producer: Producer | None = None
        self._partitions: dict[str, int] = {}
        self._timeout_s: float = brokers.client()["request_timeout_ms"] / 1000

    def places(self, topics: Sequence[str]) -> list[Place]:
        """Every partition of the topics; a topic that is not there is made."""
        return self._run(self._places(topics))

    def first(self, place: Place) -> int:
        """The offset of the first message that the partition still has, or of the next one where it has none."""
        return self._run(self._first(place))

    def has(self, place: Place, offset: int) -> bool:
        """Whether the partition has reached an offset, at which there once was a message. Not where it ends before
        that: it is then a partition of another topic, made anew under the same name.

        Asks for the message itself: not every broker tells rightly where a partition ends.
        """
        return self._run(self._has(place, offset))

    def beyond(self, positions: Mapping[Place, int], most: int) -> list[Message]:
        """At most ``most`` messages at these offsets or behind them, those of one partition in order; from the start
        of a partition that ends before."""
        return self._run(self._beyond(positions, most))

    def read(self, place: Place, start: int, end: int, most: int) -> tuple[list[Message], int]:
        """A run of at most ``most`` messages from ``start`` on and before ``end``, and the offset behind what is now
        known.

        Offsets that no message has (a broker's own records, what was deleted) are passed over once the broker has shown
        that nothing is there. Where the partition ends at ``start`` there is no run and ``start`` again: it was made
        anew, or lost its end.
        """
        return self._run(self._read(place, start, end, most))

    def send(self, topic: str, messages: Sequence[tuple[int, Outgoing]]) -> None:
        """Sends messages, each with its time in milliseconds since the epoch, to the partitions of their keys."""
        self._run(self._send(topic, messages))

    def close(self) -> None:
        """Closes what is open. No other call may be under way."""
        try:
            self._runner.run(self._open.aclose())
        finally:
            self._runner.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        async def within() -> T:
            try:
                return await work
            except BaseException as error:
                # A client that failed once is not trusted with the next message.
                opened, self._open = self._open, AsyncExitStack()
                self._producer = None
                self._partitions = {}
                await opened.__aexit__(type(error), error, error.__traceback__)
                raise

        return self._runner.run(within())

    async def _places(self, topics: Sequence[str]) -> list[Place]:
        return [(topic, number) for topic in topics for number in range(await self._partitions_of(topic))]

    async def _first(self, place: Place) -> int:
        partition = TopicPartition(*place)
        async with self._reading() as consumer:
            return int((await consumer.beginning_offsets([partition]))[partition])

    async def _has(self, place: Place, offset: int) -> bool:
        partition = TopicPartition(*place)
        async with self._reading() as consumer:
            consumer.assign([partition])
            consumer.seek(partition, offset)
            records = await consumer.getmany(partition, timeout_ms=int(self._timeout_s * 1000), max_records=1)
            there = any(record.offset >= offset for record in records.get(partition, []))
            # Where all has left the topic, a consumer goes on behind it.
            return there or bool(await consumer.position(partition) > offset)

    async def _beyond(self, positions: Mapping[Place, int], most: int) -> list[Message]:
        async with self._reading() as consumer:
            consumer.assign([TopicPartition(*place) for place in positions])
            for place, offset in positions.items():
                consumer.seek(TopicPartition(*place), offset)
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=most)
            return [_message(record) for records in found.values() for record in records]

    async def _read(self, place: Place, start: int, end: int, most: int) -> tuple[list[Message], int]:
        try:
            return await self._read_on(place, start, end, most)
        except TimeoutError:
            # Its word alone is not enough, for not every broker tells rightly where a partition ends; nor is silence.
            if await self._end(place) > start:
                raise
            return [], start

    async def _end(self, place: Place) -> int:
        """Where the partition ends, as the broker says it."""
        partition = TopicPartition(*place)
        async with asyncio.timeout(self._timeout_s), self._reading() as consumer:
            return int((await consumer.end_offsets([partition]))[partition])

    async def _read_on(self, place: Place, start: int, end: int, most: int) -> tuple[list[Message], int]:
        partition = TopicPartition(*place)
        async with asyncio.timeout(self._timeout_s), self._reading() as consumer:
            consumer.assign([partition])
            first = (await consumer.beginning_offsets([partition]))[partition]
            if first > start:
                return [], min(first, end)
            consumer.seek(partition, start)
            # Until the broker has told of something, or has moved on by itself.
            while (after := await consumer.position(partition)) == start:
                records = (await consumer.getmany(partition, timeout_ms=POLL_MS, max_records=most)).get(partition)
                if records:
                    after = records[-1].offset + 1
                    return [_message(record) for record in records if record.offset < end], min(after, end)
            return [], min(after, end)

    async def _send(self, topic: str, messages: Sequence[tuple[int, Outgoing]]) -> None:
        if self._producer is None:
            self._producer = await self._open.enter_async_context(producing(self._brokers))
        partitions = await self._partitions_of(topic)
        await self._producer.send(
            topic, [((murmur2(told.key) & 0x7FFFFFFF) % partitions, at_ms, told) for at_ms, told in messages]
        )

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer for this once: the loop stands still between calls, and an idle one would take its fetches for
        timed out."""
        consumer = AIOKafkaConsumer(**self._brokers.client(), enable_auto_commit=False, auto_offset_reset="earliest")
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def _partitions_of(self, topic: str) -> int:
        """How many partitions a topic has; one that is not there is made."""
        if topic not in self._partitions:
            self._partitions |= await ensure(self._brokers, [Topic(topic, INTAKE_PARTITIONS)])
        return self._partitions[topic]


def _message(record: Any) -> Message:
    return Message(record.topic, record.partition, record.offset, record.key, record.value, list(record.headers))
