"""Stores on PostgreSQL for the tests of this room: a schema each, on one database of the test server.

With ``TALLYSTICK_TEST_VIEWS=postgres`` every test of the room that asks for a store in memory gets one of these.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy.engine import Connection

from projections.generations.postgres import PostgresGenerations

EVERYWHERE = os.environ.get("TALLYSTICK_TEST_VIEWS") == "postgres"


class PostgresStore:
    """As ``fake_log.MemoryStore``, in a generation of its own."""

    def __init__(self, generations: PostgresGenerations) -> None:
        self.generations = generations
        self.number = generations.begin("test")
        generations.release(self.number)
        self._store = generations.store(self.number)

    def write(self) -> AbstractContextManager[Connection]:
        return self._store.write()

    def share(self) -> AbstractContextManager[Connection]:
        return self._store.share()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._store.read() as connection:
            yield connection

    def close(self) -> None:
        if self.generations.live() == self.number:
            self.generations.switch(self.generations.begin("test"))
        self.generations.drop(self.number)

    def __enter__(self) -> PostgresStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_shared: list[PostgresGenerations] = []


class SharedStore(PostgresStore):
    """On a database that lasts as long as the tests do."""

    def __init__(self, path: Path | None = None) -> None:
        if not _shared:
            from ops.migrations import migrate
            from tests.servers.postgres import PostgresServer

            server = PostgresServer()
            atexit.register(server.close)
            _shared.append(PostgresGenerations(server.migrated(migrate), clock=lambda: 0))
        super().__init__(_shared[0])
