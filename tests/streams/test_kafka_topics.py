"""Topics are made on purpose, with the partitions that were chosen, and refused where they have others."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import create_engine, inspect

from contracts.faults import UnavailableFault
from ops.deploy.kafka.local import LocalKafka, free_port, why_not
from streams.kafka.connecting import Brokers
from streams.kafka.tables import DURABLE
from streams.kafka.topics import DAY_MS, Topic, ensure, topics_of
from tests.streams.kafka_world import brokers


async def _names(address: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


def test_every_topic_of_a_ledger_is_made_with_its_partitions(broker: str, topic_prefix: str) -> None:
    wanted = topics_of(topic_prefix, 6, [f"{topic_prefix}.lakeside"])
    expected = {
        f"{topic_prefix}.events": 6,
        f"{topic_prefix}.intake": 4,
        f"{topic_prefix}.lakeside": 4,
        f"{topic_prefix}.receipts": 4,
        f"{topic_prefix}.rejections": 4,
    }
    assert expected == asyncio.run(ensure(brokers(broker), wanted))
    assert expected == asyncio.run(ensure(brokers(broker), wanted)), "and once only"
    assert set(expected) <= asyncio.run(_names(broker))


def test_several_processes_may_make_them_at_once(broker: str, topic_prefix: str) -> None:
    async def together() -> list[dict[str, int]]:
        wanted = topics_of(topic_prefix, 3)
        return await asyncio.gather(*(ensure(brokers(broker), wanted) for _ in range(4)))

    assert {3} == {found[f"{topic_prefix}.events"] for found in asyncio.run(together())}


def test_another_number_of_partitions_is_refused_only_where_events_stand_by_it(broker: str, topic_prefix: str) -> None:
    asyncio.run(ensure(brokers(broker), [Topic(f"{topic_prefix}.events", 3), Topic(f"{topic_prefix}.intake", 3)]))
    assert {f"{topic_prefix}.intake": 3} == asyncio.run(ensure(brokers(broker), [Topic(f"{topic_prefix}.intake", 4)]))
    with pytest.raises(UnavailableFault, match="has 3 partitions, not 4") as told:
        asyncio.run(ensure(brokers(broker), [Topic(f"{topic_prefix}.events", 4, fixed=True)]))
    assert "topic_unsuitable" == told.value.problem.code


def test_a_broker_that_is_not_there_is_told_as_that() -> None:
    with pytest.raises(UnavailableFault) as told:
        asyncio.run(ensure(brokers(f"127.0.0.1:{free_port()}"), topics_of("t", 3)))
    assert "broker_unreachable" == told.value.problem.code


def test_a_password_is_sent_over_tls_unless_that_is_switched_off() -> None:
    told = Brokers.with_password(("kafka:9092",), "tallystick", "secret", tls=True).client()
    assert ("SASL_SSL", "SCRAM-SHA-512", True) == (
        told["security_protocol"], told["sasl_mechanism"], told["ssl_context"].check_hostname,
    )  # fmt: skip
    assert "SASL_PLAINTEXT" == Brokers.with_password(("k:1",), "t", "s", tls=False).client()["security_protocol"]


def test_the_tables_are_those_that_the_migration_makes(postgres_address: str) -> None:
    engine = create_engine(postgres_address.replace("postgresql://", "postgresql+psycopg://"))
    try:
        found = inspect(engine)
        for table in DURABLE.sorted_tables:
            columns = {column["name"]: column for column in found.get_columns(table.name)}
            assert {column.name for column in table.columns} == set(columns)
            for column in table.columns:
                there = columns[column.name]
                assert str(column.type).split()[0] == str(there["type"]).split()[0], f"{table.name}.{column.name}"
                assert column.nullable == there["nullable"], f"{table.name}.{column.name}"
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert [column.name for column in table.primary_key] == keys
    finally:
        engine.dispose()


YEARS_AGO_MS = 1_600_000_000_000


async def _beginnings(address: str, names: list[str]) -> list[int]:
    async with AIOKafkaConsumer(bootstrap_servers=address) as consumer:
        places = [TopicPartition(name, 0) for name in names]
        found = await consumer.beginning_offsets(places)
        return [found[place] for place in places]


async def _send_what_is_old(address: str, names: list[str]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all")
    await producer.start()
    try:
        for name in names:
            await producer.send_and_wait(name, b"{}", partition=0, timestamp_ms=YEARS_AGO_MS)
    finally:
        await producer.stop()


def test_what_happened_years_ago_stays_as_long_as_what_happened_today(tmp_path: Path) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    soon = {"log.retention.check.interval.ms": "100", "log.initial.task.delay.ms": "50"}
    kafka = LocalKafka(tmp_path / "kafka", settings=soon)
    made, control = Topic("made", 1), Topic("control", 1, config={"retention.ms": str(DAY_MS)})
    try:
        kafka.start()
        asyncio.run(ensure(brokers(kafka.address), [made, control]))
        asyncio.run(_send_what_is_old(kafka.address, ["made", "control"]))
        # The control's message goes with the broker's next look at what is too old; the other has been looked at too.
        until_s = time.monotonic() + 30
        while [0, 1] != (found := asyncio.run(_beginnings(kafka.address, ["made", "control"]))):
            assert time.monotonic() < until_s, f"the topics begin at {found}"
    finally:
        kafka.stop()
