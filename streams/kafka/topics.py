"""The topics: what they are called, and that they are there as this ledger needs them.

Here because a topic that a broker makes by itself has a number of partitions that nobody chose, and the number of
partitions decides where an event stands for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from contracts.faults import fault
from streams.kafka.connecting import AWAY, Brokers, away_text

DAY_MS: Final = 24 * 60 * 60 * 1000
RETENTION_DAYS: Final = 30
"""How long messages stay on a topic; the ledger keeps what was recorded for ever."""
INTAKE_PARTITIONS: Final = 4
KNOWN_WITHIN_S: Final = 10.0
CONFIG: Final = {
    "retention.ms": str(RETENTION_DAYS * DAY_MS),
    # Retention counts from when the broker took a message, not from a time in it: what a ledger of three years sends
    # for the first time, or an agency of its archive, would be thrown away before anybody has read it.
    "message.timestamp.type": "LogAppendTime",
}
REPLICAS: Final = 3
"""Copies of a topic, or as many as there are brokers: one of them may be lost, and one more be down."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is to be. ``fixed``: another number of partitions than this is refused; of others, more are as
    good."""

    name: str
    partitions: int
    fixed: bool = False
    config: Mapping[str, str] = field(default_factory=lambda: dict(CONFIG))


def events_topic(prefix: str) -> str:
    """The topic to which the relay sends every recorded event."""
    return f"{prefix}.events"


def intake_topic(prefix: str) -> str:
    """The shared topic on which agencies' events come in."""
    return f"{prefix}.intake"


def receipts_topic(prefix: str) -> str:
    """The topic on which senders read how what they sent was recorded."""
    return f"{prefix}.receipts"


def rejections_topic(prefix: str) -> str:
    """The topic on which senders read what was not recorded, and why."""
    return f"{prefix}.rejections"


def topics_of(prefix: str, events_partitions: int, agency_topics: Iterable[str] = ()) -> list[Topic]:
    """Every topic of a ledger: events, intake, receipts, rejections, and those of agencies that have one of their
    own."""
    incoming = dict.fromkeys([intake_topic(prefix), *agency_topics])
    return [
        Topic(events_topic(prefix), events_partitions, fixed=True),
        *(Topic(name, INTAKE_PARTITIONS) for name in incoming),
        Topic(receipts_topic(prefix), INTAKE_PARTITIONS),
        Topic(rejections_topic(prefix), INTAKE_PARTITIONS),
    ]


async def ensure(brokers: Brokers, topics: Sequence[Topic]) -> dict[str, int]:
    """Makes the topics that are missing; returns how many partitions each has. Idempotent.

    Several processes may do so at once. Raises UnavailableFault ``topic_unsuitable`` where a fixed one has another
    number of partitions, and ``broker_unreachable`` where the brokers are away or refuse.
    """
    try:
        admin = AIOKafkaAdminClient(**brokers.client())
        await admin.start()
        try:
            found = await _partitions(admin, topics)
            missing = [topic for topic in topics if topic.name not in found]
            if missing:
                await _create(admin, missing)
                found = await _known(admin, topics)
        finally:
            await admin.close()
    except AWAY as error:
        raise fault("broker_unreachable", away_text(error)) from error
    for topic in topics:
        there = found.get(topic.name, 0)
        if there == 0:
            raise fault("broker_unreachable", f"the topic {topic.name} was made and is not there yet")
        if topic.fixed and there != topic.partitions:
            raise fault("topic_unsuitable", f"{topic.name} has {there} partitions, not {topic.partitions}")
    return found


async def look(brokers: Brokers, topics: Sequence[Topic]) -> dict[str, int]:
    """How many partitions those of the topics have that are there; makes none. Raises ``broker_unreachable``."""
    try:
        admin = AIOKafkaAdminClient(**brokers.client())
        await admin.start()
        try:
            return await _partitions(admin, topics)
        finally:
            await admin.close()
    except AWAY as error:
        raise fault("broker_unreachable", away_text(error)) from error


async def _partitions(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    # All topics are asked for: some brokers make a topic as soon as it is named.
    wanted = {topic.name for topic in topics}
    described: list[dict[str, Any]] = await admin.describe_topics()
    found = {}
    for topic in described:
        if topic["topic"] in wanted:
            if topic["error_code"]:
                raise for_code(topic["error_code"])(topic["topic"])
            found[str(topic["topic"])] = len(topic["partitions"])
    return found


async def _known(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    """As ``_partitions``, once the brokers have told each other of topics that were just made, or have had time to."""
    clock = asyncio.get_running_loop().time
    until_s = clock() + KNOWN_WITHIN_S
    while len(found := await _partitions(admin, topics)) < len(topics) and clock() < until_s:
        await asyncio.sleep(0.05)
    return found


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[Topic]) -> None:
    cluster = await admin.describe_cluster()
    replicas = max(1, min(REPLICAS, len(cluster["brokers"])))
    response = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, replicas, topic_configs=dict(topic.config)) for topic in missing]
    )
    for name, code, *told in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {' '.join(str(part) for part in told if part)}")
