"""The brokers of the tests are brokers: what is sent is read again, and Apache Kafka keeps it over a SIGKILL."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.servers.broker import Tansu, running


async def _create(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def _send(address: str, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value, key=b"call/c-1", headers=[("prev", b"0")])


async def _read(address: str, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        return [bytes((await asyncio.wait_for(consumer.getone(), 20)).value or b"") for _ in range(count)]


def test_what_is_sent_is_read_again(broker: str, topic_prefix: str) -> None:
    async def walk() -> list[bytes]:
        topic = f"{topic_prefix}.try"
        await _create(broker, topic)
        await _send(broker, topic, [b"one", b"two"])
        return await _read(broker, topic, 2)

    assert [b"one", b"two"] == asyncio.run(walk())


def test_apache_kafka_keeps_what_it_acknowledged_over_a_kill(topic_prefix: str) -> None:
    with running("apache") as broker:
        topic = f"{topic_prefix}.kept"
        asyncio.run(_create(broker.address, topic))
        asyncio.run(_send(broker.address, topic, [b"one", b"two"]))
        broker.kill()
        broker.start()
        assert [b"one", b"two"] == asyncio.run(_read(broker.address, topic, 2))


def test_tansu_starts_again_on_its_port() -> None:
    broker = Tansu()
    try:
        before = broker.start()
        broker.kill()
        assert before == broker.start()
    finally:
        broker.kill()
