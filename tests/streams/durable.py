"""Durable stores for tests of leases, relay and intake: SQLite in memory, and a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection

from contracts.ports import Store
from streams.kafka.tables import DURABLE
from tests.projections.fake_log import MemoryStore


class PostgresStore:
    """A Store over one database, as far as the durable tables need one."""

    def __init__(self, address: str) -> None:
        self._engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    share = write

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def with_durable_tables(store: Store) -> Store:
    """The same store, with the tables that a migration would make."""
    with store.write() as connection:
        DURABLE.create_all(connection)
    return store


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A durable store on each of the databases."""
    if request.param == "sqlite":
        memory = MemoryStore()
        yield with_durable_tables(memory)
        memory.close()
    else:
        store = PostgresStore(request.getfixturevalue("bare_postgres_address"))
        yield with_durable_tables(store)
        store.close()
