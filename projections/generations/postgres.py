"""Generations of views as schemas of a PostgreSQL database, and the row that says which one is live.

Here so that workers of many processes write one set of views while another is built beside it, and so that every
statement about views means those of one generation: each transaction sets where its tables are looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.adapt import Loader
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import QueuePool

from contracts.faults import Fault, fault
from contracts.ports import Clock, Generation, Store, views_name

WRITING, BUILDING, CHANGING = 0x54535601, 0x54535602, 0x54535603
"""The first keys of the advisory locks: who writes a generation, who builds one, who changes which there are. The
second key is the generation's number."""

_OWN_TABLES = ("positions", "quarantine", "brakes", "partitions")
"""Where a generation's projector is known by its name."""

READING_IDLE_S = 3600
"""So long a reading may be between two statements. It keeps nobody from writing, and may have much to compute."""

_CLIENT: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""How soon this side notices that the server is gone without a word."""

_SERVER = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
    "idle_in_transaction_session_timeout": f"{READING_IDLE_S}s",
}
"""How soon the server notices that this side is: its locks are held until then."""

_LIVE = "SELECT number FROM public.generations WHERE state = 'live'"


class PostgresGenerations:
    """The generations of one database, whose durable tables must be there; a ``contracts.ports.Generations``."""

    def __init__(
        self,
        address: str,
        *,
        clock: Clock,
        pool_max: int = 8,
        connect_timeout_s: int = 10,
        statement_timeout_s: float = 60.0,
        lock_timeout_s: float = 30.0,
        writing_idle_s: float = 30.0,
        application_name: str = "tallystick views",
    ) -> None:
        """``address`` is a ``postgresql://`` URL. At most ``pool_max`` connections are open, and one more while a
        generation is built. A writer that says nothing for ``writing_idle_s`` within a transaction, frozen or without
        power, is ended by the server. Nothing is opened yet."""
        self._address = address
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._application_name = application_name
        self._options = " ".join(
            f"-c {name}={value}"
            for name, value in {
                "statement_timeout": int(statement_timeout_s * 1000),
                "lock_timeout": int(lock_timeout_s * 1000),
                **_SERVER,
            }.items()
        )
        self._writing_idle = f"{max(1, round(writing_idle_s * 1000))}ms"
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=pool_max,
            max_overflow=0,
            pool_timeout=max(connect_timeout_s, lock_timeout_s),
            pool_pre_ping=True,
        )
        event.listen(self._engine, "handle_error", _passes)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._live_store = _LiveStore(self._engine, self._reading, self._writing_idle)
        self._building: dict[int, psycopg.Connection[Any]] = {}

    def live(self) -> int:
        """The number of the live generation; 0 where none has been made. Raises the fault ``not_migrated``."""
        with self._connected() as connection:
            return connection.exec_driver_sql(_LIVE).scalar() or 0

    def store(self, number: int) -> Store:
        """The schema of one generation; its writers take turns, whichever process they are of. Raises the fault
        ``generation_unknown``."""
        with self._connected() as connection:
            query = "SELECT state FROM public.generations WHERE number = %s"
            state = connection.exec_driver_sql(query, (number,)).scalar()
        if state is None:
            raise fault("generation_unknown", f"There is no generation {number} of views.")
        idle = "0" if state == "building" else self._writing_idle
        return SchemaStore(self._engine, self._reading, number, idle, unhurried=state == "building")

    def live_store(self) -> Store:
        """Whichever generation is live when a transaction begins; only what is durable where none has been made."""
        return self._live_store

    def begin(self, version: str) -> int:
        """Makes a new, empty schema; while it is built, a connection of its own says that it is."""
        with self._changing() as connection:
            query = (
                "SELECT greatest((SELECT max(number) FROM public.generations),"
                " (SELECT value::bigint FROM public.kept WHERE name = 'generation'))"
            )
            number = int(connection.exec_driver_sql(query).scalar() or 0) + 1
            # Kept apart from the generations: a number is not given again when its generation is removed.
            connection.exec_driver_sql(
                "INSERT INTO public.kept VALUES ('generation', %s)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (str(number),),
            )
            connection.exec_driver_sql(f"CREATE SCHEMA {_schema(number)}")
            state = "building" if connection.exec_driver_sql(_LIVE).scalar() else "live"
            connection.exec_driver_sql(
                "INSERT INTO public.generations VALUES (%s, %s, %s, %s, 0)", (number, version, state, self._clock())
            )
            if state == "building":
                # Before it can be seen: nobody must take it for one that was left behind.
                self._building[number] = held = self._connect(autocommit=True)
                held.execute("SELECT pg_advisory_lock(%s, %s)", (BUILDING, number))
        return number

    def switch(self, number: int) -> None:
        """Changes what is live in one transaction; then releases the new one."""
        with self._changing() as connection:
            for query, given in (
                ("UPDATE public.generations SET state = 'kept' WHERE state = 'live' AND number <> %s", number),
                ("UPDATE public.generations SET state = 'live' WHERE number = %s", number),
            ):
                changed = connection.exec_driver_sql(query, (given,)).rowcount
            if not changed:
                raise fault("generation_unknown", f"There is no generation {number} of views.")
            connection.exec_driver_sql(
                "UPDATE public.generations g SET log_index = p.log_index FROM public.positions p"
                " WHERE p.name = 'views.' || g.number"
            )
        self.release(number)

    def list(self) -> Sequence[Generation]:
        """Every generation, by number."""
        query = (
            "SELECT g.number, g.version, g.state, g.began_at_us, coalesce(p.log_index, g.log_index)"
            " FROM public.generations g LEFT JOIN public.positions p ON p.name = 'views.' || g.number ORDER BY g.number"
        )
        with self._connected() as connection:
            return [Generation(*row) for row in connection.exec_driver_sql(query)]

    def release(self, number: int) -> None:
        """Says no more that this process builds it. Its writers hold nothing between two transactions."""
        if (held := self._building.pop(number, None)) is not None:
            with held, suppress(psycopg.Error):
                # Said, and not left to the end of the connection, which the server may notice later.
                held.execute("SELECT pg_advisory_unlock(%s, %s)", (BUILDING, number))

    def drop(self, number: int) -> None:
        """Removes the schema, its projector's position and what it has in quarantine. Waits for those who are inside,
        for as long as anybody waits for a lock; then raises the fault ``views_in_use``."""
        self.release(number)
        with _unless_locked(number), self._changing() as connection:
            if connection.exec_driver_sql(_LIVE).scalar() == number:
                raise fault("generation_live", f"Generation {number} is the one that is read.")
            locked = "SELECT pg_try_advisory_xact_lock(%s, %s)"
            if not connection.exec_driver_sql(locked, (BUILDING, number)).scalar():
                raise fault("views_in_use", f"Another process builds generation {number}.")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", (WRITING, number))
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {_schema(number)} CASCADE")
            for table in _OWN_TABLES:
                connection.exec_driver_sql(f"DELETE FROM public.{table} WHERE name = %s", (views_name(number),))
            connection.exec_driver_sql("DELETE FROM public.generations WHERE number = %s", (number,))

    def close(self) -> None:
        """Closes every connection."""
        for number in list(self._building):
            self.release(number)
        self._engine.dispose()

    def _connect(self, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._address,
            autocommit=autocommit,
            connect_timeout=self._connect_timeout_s,
            application_name=self._application_name,
            options=self._options,
            **_CLIENT,
        )
        connection.adapters.register_loader("numeric", _PlainNumber)
        return connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with migrated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """A transaction that changes which generations there are: one at a time."""
        with self._connected() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", (CHANGING, 0))
            yield connection


_IDLE = "set_config('idle_in_transaction_session_timeout', %s, true)"


class SchemaStore:
    """A ``contracts.ports.Store`` in the schema of one generation."""

    def __init__(self, engine: Engine, reading: Engine, number: int, idle: str, *, unhurried: bool = False) -> None:
        """``idle``: so long its writers may be between two statements, as PostgreSQL spells it. ``unhurried``: they may
        take as long as they need for one, as whoever builds it does."""
        self._engine = engine
        self._reading = reading
        self._number = number
        self._idle = idle
        self._unhurried = unhurried

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only writer of this generation, in any process. Waits for the others."""
        with self._writing("pg_advisory_xact_lock") as connection:
            yield connection

    @contextmanager
    def share(self) -> Iterator[Connection]:
        """Beside other sharers, never beside ``write``."""
        with self._writing("pg_advisory_xact_lock_shared") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot; never waits for a writer."""
        with self._reading.begin() as connection:
            connection.exec_driver_sql("SELECT set_config('search_path', %s, true)", (_path(self._number),))
            yield connection

    @contextmanager
    def _writing(self, lock: str) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                f"SELECT set_config('search_path', %s, true), {_IDLE}, {lock}(%s, %s)",
                (_path(self._number), self._idle, WRITING, self._number),
            )
            if self._unhurried:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            yield connection


class _LiveStore:
    """Asks which generation is live in the transaction itself."""

    def __init__(self, engine: Engine, reading: Engine, idle: str) -> None:
        self._engine = engine
        self._reading = reading
        self._idle = idle

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._writing("pg_advisory_xact_lock") as connection:
            yield connection

    @contextmanager
    def share(self) -> Iterator[Connection]:
        with self._writing("pg_advisory_xact_lock_shared") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._reading.begin() as connection:
            _enter_live(connection)
            yield connection

    @contextmanager
    def _writing(self, lock: str) -> Iterator[Connection]:
        while True:
            with self._engine.begin() as connection:
                number = _enter_live(connection)
                if not number:
                    raise fault("views_behind", "The views have never been made.")
                connection.exec_driver_sql(f"SELECT {_IDLE}, {lock}(%s, %s)", (self._idle, WRITING, number))
                if connection.exec_driver_sql(_LIVE).scalar() == number:
                    yield connection
                    return
                # Switched while this waited for its turn: look again.


class _PlainNumber(Loader):
    """What PostgreSQL adds up of whole numbers comes back as one, as it does from SQLite."""

    def load(self, data: Any) -> int | float:
        text = bytes(data)
        return int(text) if text.lstrip(b"-").isdigit() else float(text)


@contextmanager
def migrated() -> Iterator[None]:
    """Says ``not_migrated`` where a durable table is missing."""
    try:
        yield
    except Fault:
        raise
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.UndefinedTable):
            raise fault("not_migrated", "The database has no table of generations.") from error
        raise


@contextmanager
def _unless_locked(number: int) -> Iterator[None]:
    """Says ``views_in_use`` where somebody was inside a generation for longer than a lock is waited for."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise fault("views_in_use", f"Another process is inside generation {number}.") from error
        raise


def _passes(context: ExceptionContext) -> None:
    """A session that was ended because this process stood still is a connection lost: to be tried again as one."""
    error = context.original_exception
    if isinstance(error, psycopg.errors.IdleInTransactionSessionTimeout):
        raise OperationalError(context.statement, None, error) from error


def _enter_live(connection: Connection) -> int:
    """Sets where tables are looked for to the live generation; its number, 0 where there is none."""
    with migrated():
        query = (
            "SELECT number, set_config('search_path', format('views_%%s, public', number), true)"
            " FROM public.generations WHERE state = 'live'"
        )
        found = connection.exec_driver_sql(query).one_or_none()
    return 0 if found is None else int(found[0])


def _schema(number: int) -> str:
    return f"views_{int(number)}"


def _path(number: int) -> str:
    return f"{_schema(number)}, public"
