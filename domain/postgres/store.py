"""The Store over the ledger's database: for those who keep durable rows of their own beside the log.

It is here so that positions, leases and whatever all processes must agree on live in the database that has the log,
and whoever keeps them need not know which that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from domain.postgres.sessions import Sessions

_TURN = 0x54535453544F
"""The key of the advisory lock by which writers take turns; the log has its own, the head's row."""


class PostgresStore:
    """A Store. Threads may share it: every transaction has a connection of its own."""

    def __init__(self, sessions: Sessions) -> None:
        """Lends sessions from the pool; SQLAlchemy's own would be a second one."""
        self._engine = create_engine(
            "postgresql+psycopg://", creator=sessions.keepers.getconn, poolclass=NullPool, use_native_hstore=False
        )
        event.listen(self._engine, "handle_error", _passes)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other ``write`` or ``share`` of any process runs beside; the log goes on."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
            yield connection

    @contextmanager
    def share(self) -> Iterator[Connection]:
        """A transaction beside other sharers, and never beside ``write``."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_TURN})")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only snapshot; never waits for a writer."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # The snapshot is taken by the first statement that reads.
            connection.exec_driver_sql("SELECT 1")
            try:
                yield connection
            finally:
                connection.rollback()

    def close(self) -> None:
        """Give up the engine; the pool belongs to the sessions."""
        self._engine.dispose()


def _passes(context: ExceptionContext) -> None:
    """A session that was ended because this process stood still is a connection lost: to be tried again as one."""
    error = context.original_exception
    if isinstance(error, psycopg.errors.IdleInTransactionSessionTimeout):
        raise OperationalError(context.statement, None, error) from error
