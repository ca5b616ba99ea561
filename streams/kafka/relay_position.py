"""Where the relay stands: read and saved in transactions that only the holder of its lease can commit.

Here apart from the sending because this is what makes a takeover exact: whoever comes next goes on from what was
saved, and what was sent and not saved is sent again, the same to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, text, update
from sqlalchemy.engine import Connection

from contracts.faults import fault
from streams.kafka.tables import RELAY_PARTITIONS, RELAYS, SET_RELAY_PARTITION
from streams.leases import Lease

_BEGIN = text(
    "INSERT INTO relays (topic, partitions, log_index, token) VALUES (:topic, :partitions, 0, 0) "
    "ON CONFLICT (topic) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class RelayPosition:
    """Every event up to ``log_index`` has been acknowledged; ``last`` is, by partition, the last of them on it."""

    log_index: int
    last: Mapping[int, int]


def load(connection: Connection, lease: Lease, topic: str, partitions: int) -> RelayPosition:
    """Where the topic's relay stands, 0 where it never ran, read under the lease. Raises UnavailableFault
    ``lease_lost``, and ``topic_unsuitable`` where the topic was begun with another number of partitions."""
    lease.guard(connection)
    connection.execute(_BEGIN, {"topic": topic, "partitions": partitions})
    row = connection.execute(select(RELAYS).where(RELAYS.c.topic == topic)).one()
    if row.partitions != partitions:
        raise fault("topic_unsuitable", f"{topic} was begun with {row.partitions} partitions, not {partitions}")
    return RelayPosition(row.log_index, _last(connection, topic))


def save(connection: Connection, lease: Lease, topic: str, before: RelayPosition, now: RelayPosition) -> None:
    """Moves the position on from ``before``, inside a transaction in which the lease was guarded.

    Raises UnavailableFault ``lease_lost`` where it stands elsewhere.
    """
    moved = connection.execute(
        update(RELAYS)
        .where(RELAYS.c.topic == topic, RELAYS.c.log_index == before.log_index)
        .values(log_index=now.log_index, token=lease.token)
    )
    if moved.rowcount != 1:
        raise fault("lease_lost", f"the relay of {topic} no longer stands at {before.log_index}")
    changed = [
        {"topic": topic, "partition": partition, "log_index": log_index}
        for partition, log_index in now.last.items()
        if before.last.get(partition) != log_index
    ]
    if changed:
        connection.execute(SET_RELAY_PARTITION, changed)


def standing(connection: Connection, topic: str) -> RelayPosition:
    """Where the topic's relay stands, for those who look (watermark, metrics); at 0 where it never ran."""
    log_index = connection.scalar(select(RELAYS.c.log_index).where(RELAYS.c.topic == topic))
    return RelayPosition(log_index or 0, _last(connection, topic))


def _last(connection: Connection, topic: str) -> dict[int, int]:
    query = select(RELAY_PARTITIONS.c.partition, RELAY_PARTITIONS.c.log_index).where(RELAY_PARTITIONS.c.topic == topic)
    return {row.partition: row.log_index for row in connection.execute(query)}
