"""A PostgreSQL database as a back end of the ledger, and the library's PostgreSQL recorder on its table.

It is here as the place where sessions, batches and the library's class meet. Of the library's own way nothing is
used but the class and its place in the application: neither its lock on the whole table, which waits behind VACUUM
and starves it, nor its database functions, under which a tailing reader misses events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal, TypeVar
from uuid import uuid4

import psycopg
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from contracts.faults import UnavailableFault, problem
from contracts.ports import Clock, Store
from domain.back_end import Asking, Writing
from domain.postgres.asking import PostgresAsking
from domain.postgres.batches import PAUSE_FIRST_S, PAUSE_LARGEST_S, RETRY_AFTER_S, Batches
from domain.postgres.limits import Limits
from domain.postgres.sessions import Session, Sessions, is_of_server, is_passing, told
from domain.postgres.store import PostgresStore
from domain.recorder import LedgerFactory, LedgerRecorder

T = TypeVar("T")


class PostgresBackEnd:
    """An open database as the ledger sees it. Threads may share it; batches take turns (see ``LedgerRecorder``)."""

    bodies_at_once = 2_000
    """So many that the way to the server and back does not count; a few megabytes."""

    def __init__(self, sessions: Sessions, *, writable: bool, writer: str | None = None) -> None:
        """``close`` closes the sessions. ``writer`` is a name that no other back end has or had; one is drawn."""
        self._sessions = sessions
        self._writable = writable
        self._batches = Batches(sessions, writer or uuid4().hex)
        self._store = PostgresStore(sessions)

    def answer(self, question: Callable[[Asking], T]) -> T:
        """Asked again, with pauses and within the limits' patience, where a connection is lost on the way.

        Raises UnavailableFault ``database_unavailable`` after that, and any other error as it is.
        """
        deadline = time.monotonic() + self._sessions.limits.patience_s
        pause = PAUSE_FIRST_S
        while True:
            try:
                with self._asking() as (_, asking):
                    return question(asking)
            except psycopg.Error as error:
                if not is_passing(error, None) or time.monotonic() + pause > deadline:
                    fault = self.fault(error)
                    if fault is None:
                        raise
                    raise fault from error
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_LARGEST_S)

    @contextmanager
    def snapshot(self) -> Iterator[Asking]:
        """A read-only transaction; its questions may take as long as they do."""
        with self._asking() as (session, asking):
            session.execute("SET LOCAL statement_timeout = 0")
            yield asking

    @contextmanager
    def _asking(self) -> Iterator[tuple[Session, PostgresAsking]]:
        with self._sessions.asking() as session, closing(PostgresAsking(session)) as asking:
            yield session, asking

    def transact(self, work: Callable[[Writing], T], *, wait: bool) -> T:
        """See ``Batches``."""
        if not self._writable:
            raise RuntimeError("the database was opened to read only")
        return self._batches.transact(work, wait=wait)

    def store(self) -> Store:
        """The same database."""
        return self._store

    def fault(self, error: Exception) -> UnavailableFault | None:
        """``storage_full`` or ``database_unavailable`` where the same may be taken later.

        None where it will be refused again, for what it says or by what this program may do: to call that a database
        that is away would have its sender try for ever, and everybody in the same batch with it.
        """
        if not isinstance(error, psycopg.Error) or not (is_passing(error, None) or is_of_server(error)):
            return None
        code = "storage_full" if isinstance(error, psycopg.errors.DiskFull) else "database_unavailable"
        return UnavailableFault(problem(code, f"PostgreSQL says: {told(error)}", retry_after_s=RETRY_AFTER_S))

    def is_damage(self, error: Exception) -> bool:
        """A page or an index that is not what it should be; never a connection that is lost."""
        return isinstance(error, psycopg.InternalError | psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted)

    def close(self) -> None:
        """Close every session."""
        self._batches.close()
        self._store.close()
        self._sessions.close()


class _NoDatastore(PostgresDatastore):
    """What the library's recorder wants to be made with: it opens nothing and is never asked for a connection."""

    def __init__(self, originator_id_type: Literal["uuid", "text"]) -> None:
        self.originator_id_type = originator_id_type
        self.schema = "public"
        self.lock_timeout = 0
        self.enable_db_functions = False
        self.db_type_names: set[str] = set()
        self.psycopg_python_types: dict[str, Any] = {}

    def register_type_adapters(self) -> None:
        """None: the library's composite types are not made."""

    def close(self) -> None:
        """Nothing: whoever opened the sessions closes them."""

    def __del__(self) -> None:
        """The library's would close a pool."""


class PostgresLedgerRecorder(LedgerRecorder, PostgresApplicationRecorder):
    """The library's recorder for PostgreSQL on the table ``log``."""

    def __init__(
        self, back_end: PostgresBackEnd, *, clock: Clock, originator_id_type: Literal["uuid", "text"] = "text"
    ) -> None:
        """``clock`` gives ``recorded_at``."""
        PostgresApplicationRecorder.__init__(self, _NoDatastore(originator_id_type), events_table_name="log")
        self.keep_log(back_end, clock, originator_id_type)

    def create_table(self) -> None:
        """Nothing: the tables are made by ``tallystick migrate``, in one step and under a lock."""


def open_database(
    address: str, clock: Clock, writable: bool, limits: Limits | None, must_be_durable: bool
) -> tuple[PostgresBackEnd, PostgresLedgerRecorder]:
    """Connect to a migrated database; raises as ``Ledger.connect`` says."""
    LedgerFactory()
    sessions = Sessions(address, limits or Limits(), writable=writable, must_be_durable=must_be_durable)
    back_end = PostgresBackEnd(sessions, writable=writable)
    return back_end, PostgresLedgerRecorder(back_end, clock=clock)
