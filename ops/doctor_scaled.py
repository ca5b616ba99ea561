"""Is the scaled system well: the database, the broker, and what runs between them? One check a function.

These are asked only where a database or a broker is set. Nothing is made or changed by looking.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ops.addresses import without_secrets
from ops.backends import agency_topics, bare_log, brokers, durable_store, wanted_topics
from ops.composition import system_clock
from ops.findings import Finding
from ops.settings import Settings

if TYPE_CHECKING:
    import psycopg

POSTGRES_MIN = 14
PROCESSES_MIN = 4
"""serve, relay and two workers: the least there should be room for."""
MOVES_WITHIN_S = 3.0
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_MIGRATE = "tallystick migrate"


def check_database(settings: Settings) -> Finding:
    """PostgreSQL must answer, be new enough and keep text in UTF-8."""
    began_s = time.monotonic()
    with _connected(settings) as connection:
        took_ms = (time.monotonic() - began_s) * 1_000
        (encoding,) = _row(connection, "SHOW server_encoding")
        version = connection.info.server_version
        (size,) = _row(connection, "SELECT pg_size_pretty(pg_database_size(current_database()))")
    text = f"PostgreSQL {version // 10_000}.{version % 10_000} in {took_ms:.0f} ms, {size}, {settings.database_told}"
    if version < POSTGRES_MIN * 10_000:
        return Finding("database", "failed", text, f"Use PostgreSQL {POSTGRES_MIN} or newer.")
    if encoding != "UTF8":
        return Finding("database", "failed", f"{text}; it keeps text as {encoding}", "Make a database in UTF8.")
    return Finding("database", "ok", text)


def check_migrated(settings: Settings) -> Finding:
    """Every revision of the durable tables must be there."""
    from ops.migrations import head, pending

    missing = pending(settings.database_address())
    if missing:
        return Finding("tables", "failed", f"revisions not applied: {', '.join(missing)}", _MIGRATE)
    return Finding("tables", "ok", f"revision {head()}")


def check_common(settings: Settings) -> Finding:
    """What all processes must agree on must be as these settings say."""
    from ops.agreeing import differences

    with durable_store(settings, system_clock) as store, store.read() as connection:
        found = differences(connection, settings)
    if found:
        return Finding("common settings", "failed", "; ".join(found), "Give this process the settings of the others.")
    return Finding("common settings", "ok", "those of this ledger")


def check_durability(settings: Settings) -> Finding:
    """PostgreSQL must sync what it acknowledges."""
    with _connected(settings) as connection:
        told = {name: _row(connection, f"SHOW {name}")[0] for name in _DURABLE}
    wrong = [f"{name}={value}" for name, value in told.items() if value == "off"]
    if wrong:
        advice = "Set it to on in postgresql.conf: what was acknowledged is lost in a crash."
        return Finding("durability", "failed", ", ".join(wrong), advice)
    return Finding("durability", "ok", ", ".join(f"{name}={value}" for name, value in told.items()))


def check_connections(settings: Settings) -> Finding:
    """There must be room for the connections of several processes."""
    with _connected(settings) as connection:
        (most, taken, of_role) = _row(
            connection,
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - coalesce(current_setting('reserved_connections', true), '0')::int,"
            " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            "   AND application_name NOT LIKE 'tallystick%'),"
            " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)",
        )
    each = settings.database_pool_max + 1  # and one more while a generation is built
    room = (most - taken) // each
    if 0 <= of_role < most:
        room = min(room, of_role // each)
    text = f"room for {room} processes of {each} connections ({most} at the server, {taken} taken by others)"
    if room < PROCESSES_MIN:
        advice = "Raise max_connections, or lower database_pool_max."
        return Finding("connections", "failed" if room < 1 else "warning", text, advice)
    return Finding("connections", "ok", text)


def check_broker(settings: Settings) -> Finding:
    """The broker must answer and have every topic in the right number of partitions."""
    import asyncio

    from streams.kafka.topics import look

    wanted = wanted_topics(settings, agency_topics(settings))
    there = asyncio.run(look(brokers(settings), wanted))
    missing = [topic.name for topic in wanted if topic.name not in there]
    wrong = [
        f"{topic.name} has {there[topic.name]} partitions, not {topic.partitions}"
        for topic in wanted
        if topic.fixed and there.get(topic.name, topic.partitions) != topic.partitions
    ]
    text = f"{settings.broker}, {len(there)} topics"
    if missing:
        return Finding("broker", "failed", f"{text}; missing: {', '.join(missing)}", _MIGRATE)
    if wrong:
        advice = "Set events_partitions to what the topic has, or give this ledger a topic_prefix of its own."
        return Finding("broker", "failed", f"{text}; {', '.join(wrong)}", advice)
    return Finding("broker", "ok", text)


def check_relay(settings: Settings) -> Finding:
    """One relay must hold the lease, and send while there is something to send."""
    from streams.kafka.relay_position import standing
    from streams.kafka.topics import events_topic
    from streams.leases import Leases

    topic = events_topic(settings.topic_prefix)
    with bare_log(settings, system_clock, must_be_durable=False) as ledger:
        store = ledger.store()
        holder = Leases(store, system_clock).holder(f"relay:{topic}")

        def place() -> int:
            with store.read() as connection:
                return standing(connection, topic).log_index

        at = first = place()
        head = ledger.reader().head().log_index
        until_s = time.monotonic() + MOVES_WITHIN_S
        while holder is not None and at < head and at == first and time.monotonic() < until_s:
            time.sleep(0.1)
            at = place()
    text = f"{at:,} of {head:,} events sent"
    if holder is None:
        return Finding("relay", "warning" if at >= head else "failed", f"{text}; none runs", "tallystick relay")
    if at < head and at == first:
        return Finding(
            "relay", "failed", f"{text}; {holder.holder} does not move", "Look at its log, and at the broker."
        )
    return Finding("relay", "ok", f"{text} by {holder.holder}")


def check_workers(settings: Settings) -> Finding:
    """Every partition must be applied up to what was sent, and somebody must keep the cells."""
    from contracts.ports import views_name
    from projections.generations.postgres import PostgresGenerations
    from streams.kafka.topics import events_topic
    from streams.leases import Leases
    from streams.watermark import LEASE, places

    generations = PostgresGenerations(settings.database_address(), clock=system_clock, pool_max=2)
    try:
        number = generations.live()
        with generations.live_store().read() as connection:
            found = places(
                connection, views_name(number), events_topic(settings.topic_prefix), settings.events_partitions
            )
    finally:
        generations.close()
    with durable_store(settings, system_clock) as store:
        keeper = Leases(store, system_clock).holder(LEASE)
    behind = found.behind()
    text = f"complete up to {found.position:,} of {found.relayed:,} sent, {len(behind)} partitions behind"
    if keeper is None:
        idle = found.position >= found.relayed
        return Finding("workers", "warning" if idle else "failed", f"{text}; none keeps the cells", "tallystick worker")
    return Finding("workers", "ok", f"{text}; cells kept by {keeper.holder}")


@contextmanager
def _connected(settings: Settings) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    import math

    import psycopg

    from contracts.faults import fault

    try:
        with psycopg.connect(
            settings.database_address(),
            autocommit=True,
            connect_timeout=max(2, math.ceil(settings.database_connect_timeout_s)),
            application_name="tallystick doctor",
        ) as connection:
            yield connection
    except psycopg.Error as error:
        said = without_secrets(str(error).strip(), settings.database)
        raise fault("database_unavailable", f"PostgreSQL says: {said}") from error


def _row(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> tuple[Any, ...]:
    found = connection.execute(query.encode()).fetchone()
    assert found is not None
    return found
