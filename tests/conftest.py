"""What tests of every room share: a PostgreSQL server and brokers, started when the first of them asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.broker import broker, own_broker, topic_prefix
from tests.servers.postgres import PostgresServer, why_not

__all__ = ["broker", "own_broker", "topic_prefix"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL with its own defaults: fsync, synchronous_commit and full_page_writes are on."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def bare_postgres_address(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    address = postgres_server.fresh()
    yield address
    postgres_server.drop(address)


@pytest.fixture
def postgres_address(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh database with every durable table."""
    from ops.migrations import migrate

    address = postgres_server.migrated(migrate)
    yield address
    postgres_server.drop(address)
