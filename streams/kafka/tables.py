"""The tables by which relay and intake know where they stand.

Here because the database is the truth about both: what a broker's committed offset or a producer's memory says is a
hint. Their DDL on PostgreSQL is the migration's; a test compares the two.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, Table, Text, text

from streams.leases import DURABLE

__all__ = ["DURABLE", "INTAKE_POSITIONS", "RELAYS", "RELAY_PARTITIONS", "SET_INTAKE_POSITION", "SET_RELAY_PARTITION"]

RELAYS: Final = Table(
    "relays",
    DURABLE,
    Column("topic", Text(), primary_key=True),
    Column("partitions", Integer(), nullable=False),
    Column("log_index", BigInteger(), nullable=False),
    Column("token", BigInteger(), nullable=False),
)
"""For each topic of events: every event up to ``log_index`` was acknowledged by the broker, the last ones under the
lease's ``token``. ``partitions`` never changes."""

RELAY_PARTITIONS: Final = Table(
    "relay_partitions",
    DURABLE,
    Column("topic", Text(), primary_key=True),
    Column("partition", Integer(), primary_key=True),
    Column("log_index", BigInteger(), nullable=False),
)
"""For each partition, the last event sent to it at the relay's position: what the next one's ``prev`` says. A partition
without a row has none yet."""

INTAKE_POSITIONS: Final = Table(
    "intake_positions",
    DURABLE,
    Column("topic", Text(), primary_key=True),
    Column("partition", Integer(), primary_key=True),
    Column("next_offset", BigInteger(), nullable=False),
)
"""For each partition of a topic of intake: every message before ``next_offset`` has ended as one of the four outcomes,
durably."""

# Both databases read these alike.

SET_RELAY_PARTITION: Final = text(
    "INSERT INTO relay_partitions (topic, partition, log_index) VALUES (:topic, :partition, :log_index) "
    "ON CONFLICT (topic, partition) DO UPDATE SET log_index = excluded.log_index"
)
SET_INTAKE_POSITION: Final = text(
    "INSERT INTO intake_positions (topic, partition, next_offset) VALUES (:topic, :partition, :next_offset) "
    "ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset "
    "WHERE excluded.next_offset > intake_positions.next_offset"
)
"""A position only ever rises: one that was overtaken is left where the other put it."""
