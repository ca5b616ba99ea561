"""Connections to PostgreSQL: how each is set up, what the server must be, and the pools that lend them.

It is here so that durability is decided in one place, as it is for the file: what was asked of a session is read
back before the first event is taken, and a server that may lose what it has committed is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from contracts.faults import fault
from domain.postgres.limits import Limits

REVISION = "0001"
"""The revision of the durable tables that this program reads and writes; a test holds it to the migrations' head."""

Session = psycopg.Connection[tuple[Any, ...]]

_MUST_BE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}

LOST = (psycopg.OperationalError, psycopg.InterfaceError)
"""What psycopg raises when a connection is gone, among other things."""

_PASSING = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
    psycopg.errors.TooManyConnections,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
    PoolTimeout,
)
"""What may be gone when the same is tried again."""

_TROUBLES = ("08", "53", "57", "58")
"""Classes of codes: the connection, what there is too little of, an operator stepping in, the system beneath."""


def is_passing(error: Exception, session: Session | None) -> bool:
    """Whether the same may succeed when it is tried again: the connection is lost, or another was in the way."""
    if isinstance(error, _PASSING):
        return True
    # Without a code, no server said it: it comes from a connection that broke, or never was.
    return isinstance(error, LOST) and (error.sqlstate is None or (session is not None and session.closed))


def is_of_server(error: psycopg.Error) -> bool:
    """Whether the server itself is in trouble, whatever was asked of it: its connections, memory, disk, operator."""
    return (error.sqlstate or "")[:2] in _TROUBLES


class Sessions:
    """Opens and lends sessions on one database. Threads may share it."""

    def __init__(self, address: str, limits: Limits, *, writable: bool, must_be_durable: bool) -> None:
        """Connects once and checks the server. Raises UnavailableFault, see ``Ledger.connect``."""
        self.limits = limits
        self._address = address
        self._closed = False
        try:
            with self.connect("check") as session:
                _check(session, writable=writable, must_be_durable=must_be_durable)
        except psycopg.Error as error:
            raise fault("database_unavailable", f"PostgreSQL says: {told(error)}") from error
        # One connection writes to the log; of the others, as many may be lent out to ask as to keep rows beside it.
        half = max(1, (limits.pool_max - 1) // 2)
        self.askers = self._pool("ask", half, autocommit=True, idle_s=limits.reading_idle_s)
        # Lent to SQLAlchemy, which begins and commits by itself, gives back by closing, and cannot ask again.
        self.keepers = self._pool(
            "keep", half, autocommit=False, idle_s=limits.writing_idle_s, check=ConnectionPool.check_connection
        )

    def connect(self, purpose: str) -> Session:
        """A new session in autocommit, set up and checked. Raises psycopg's errors."""
        session = psycopg.connect(self._address, autocommit=True, **self._how(purpose))
        try:
            self._set_up(session, self.limits.writing_idle_s)
        except BaseException:
            session.close()
            raise
        return session

    @contextmanager
    def asking(self) -> Iterator[Session]:
        """A lent session in a read-only snapshot."""
        with self.askers.connection() as session:
            session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield session
            finally:
                if not session.closed:
                    session.execute("ROLLBACK")

    def close(self) -> None:
        """Close every session that was lent."""
        if not self._closed:
            self._closed = True
            self.askers.close()
            self.keepers.close()

    def _how(self, purpose: str) -> Mapping[str, Any]:
        return {
            # libpq counts in whole seconds, and takes less than two for two.
            "connect_timeout": max(2, round(self.limits.connect_timeout_s)),
            "application_name": f"tallystick {purpose}",
            # A peer that is gone without a word is noticed in half a minute, not in two hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 4,
            "tcp_user_timeout": 30_000,
        }

    def _set_up(self, session: Session, idle_s: float) -> None:
        limits = self.limits
        wanted = {
            "synchronous_commit": "on",
            "statement_timeout": _ms(limits.statement_timeout_s),
            "lock_timeout": _ms(limits.lock_timeout_s),
            "idle_in_transaction_session_timeout": _ms(idle_s),
            # The server notices a peer that is gone as soon as we do: what it holds, others wait for.
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "4",
            "tcp_user_timeout": "30s",
            # Names are found where the migration made them, whatever the role's own path says.
            "search_path": "public",
        }
        calls = ", ".join("set_config(%s, %s, false)" for _ in wanted)
        row = session.execute(f"SELECT {calls}", [word for pair in wanted.items() for word in pair]).fetchone()
        if row is None or row[0] != "on":
            raise fault("database_unsuitable", f"PostgreSQL answered synchronous_commit = {row and row[0]}, not on.")
        if not session.autocommit:
            session.commit()

    def _pool(
        self,
        purpose: str,
        largest: int,
        *,
        autocommit: bool,
        idle_s: float,
        check: Callable[[Session], None] | None = None,
    ) -> ConnectionPool[Session]:
        return ConnectionPool(
            self._address,
            kwargs={"autocommit": autocommit, **self._how(purpose)},
            configure=partial(self._set_up, idle_s=idle_s),
            check=check,
            min_size=0,
            max_size=largest,
            timeout=self.limits.connect_timeout_s,
            # Short: whoever asks for a session asks again by itself, and must not wait for a long pause to end.
            reconnect_timeout=1.0,
            name=f"tallystick {purpose}",
            close_returns=not autocommit,
            open=True,
        )


def told(error: Exception) -> str:
    """What the server said, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _check(session: Session, *, writable: bool, must_be_durable: bool) -> None:
    encoding, read_only, tables = session.execute(
        "SELECT current_setting('server_encoding'), pg_is_in_recovery(), to_regclass('alembic_version') IS NOT NULL"
    ).fetchone() or ("", False, False)
    if encoding != "UTF8":
        raise fault("database_unsuitable", f"The database keeps text as {encoding}, not as UTF8.")
    for name, wanted in _MUST_BE.items() if must_be_durable else ():
        (found,) = session.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",)
        if found != wanted:
            raise fault(
                "database_unsuitable", f"The server's {name} is {found}: it may lose what it has committed. Set it on."
            )
    if writable and read_only:
        raise fault("database_unsuitable", "The server is a standby: it can be read, not written to.")
    row = session.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    if row != (REVISION,):
        found = "without tables" if row is None else f"at revision {row[0]}"
        raise fault("not_migrated", f"The database is {found}; this program works with revision {REVISION}.")


def _ms(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
