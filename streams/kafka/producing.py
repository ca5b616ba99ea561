"""The one way in which this ledger produces: every replica's acknowledgement, batches in order, nothing guessed.

Here because relay and intake need the same promise, a message is acknowledged or an exception is raised, and because
not every broker knows idempotent producers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, UnknownError, UnsupportedVersionError, for_code
from aiokafka.protocol.transaction import InitProducerIdRequest

from contracts.kafka_binding import Outgoing
from streams.kafka.connecting import REQUEST_TIMEOUT_MS, Brokers

BATCH_BYTES: Final = 512 * 1024
"""Bytes of one batch on the wire: half of what a broker takes by default, and several of the largest events."""

Sent = tuple[int, int, Outgoing]
"""A partition, the message's own time in milliseconds since the epoch, and the message."""


class Producer:
    """An open producer to one topic."""

    def __init__(self, producer: AIOKafkaProducer, timeout_s: float) -> None:
        self._producer = producer
        self._timeout_s = timeout_s

    async def send(self, topic: str, messages: Iterable[Sent]) -> None:
        """Sends messages, those of one partition in the order given; returns when all are acknowledged by every
        replica in sync.

        Raises a KafkaError or TimeoutError where one is not: then any part of them may have been taken, and this
        producer is not to be used any more.
        """
        # An idempotent producer would go on for ever: whoever sends is to know that the broker is away.
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.gather(*[future async for future in self._submitted(topic, messages)])
        except TimeoutError as error:
            told = f"{topic}: not all that was sent was acknowledged within {self._timeout_s:g} s"
            raise TimeoutError(told) from error

    async def _submitted(self, topic: str, messages: Iterable[Sent]) -> AsyncIterator[asyncio.Future[object]]:
        open_batches: dict[int, Any] = {}
        for partition, at_ms, message in messages:
            batch = open_batches.get(partition)
            if batch is not None and _added(batch, at_ms, message):
                continue
            if batch is not None:
                yield await self._producer.send_batch(batch, topic, partition=partition)
            open_batches[partition] = batch = self._producer.create_batch()
            if not _added(batch, at_ms, message):
                raise ValueError(f"a message of {len(message.value)} bytes does not fit in a batch")
        for partition, batch in open_batches.items():
            yield await self._producer.send_batch(batch, topic, partition=partition)


def _added(batch: Any, at_ms: int, message: Outgoing) -> bool:
    added = batch.append(key=message.key, value=message.value, timestamp=at_ms, headers=message.headers)
    return added is not None


@asynccontextmanager
async def producing(brokers: Brokers) -> AsyncIterator[Producer]:
    """A producer that is idempotent where the broker knows that. Raises a KafkaError where the brokers are away."""
    arguments = brokers.client()
    made = AIOKafkaProducer(
        **arguments,
        acks="all",
        enable_idempotence=await _knows_idempotence(brokers),
        max_batch_size=BATCH_BYTES,
        max_request_size=2 * BATCH_BYTES,
    )
    try:
        await made.start()
        yield Producer(made, arguments["request_timeout_ms"] / 1000)
    except BaseException:
        await _abandon(made)
        raise
    await made.stop()


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Closes it without what it could not send. Its own ``stop`` waits for that, where it is idempotent for ever; so
    this takes the parts of it that do not."""
    producer._closed = True
    await producer._sender.close()
    await producer.client.close()


async def _knows_idempotence(brokers: Brokers) -> bool:
    """Whether the broker hands out a producer's id: some that speak the protocol list the request and fail it."""
    client = AIOKafkaClient(**brokers.client())
    try:
        await client.bootstrap()
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=REQUEST_TIMEOUT_MS)
        answer = await client.send(client.get_random_node(), request)
        # Any other error passes by itself, and the producer waits for that.
        return for_code(answer.error_code) not in (UnknownError, UnsupportedVersionError)
    except IncompatibleBrokerVersion:
        return False
    finally:
        await client.close()
