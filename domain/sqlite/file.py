"""The ledger's file: one writing connection behind a lock, many read-only ones, and who may open it.

It is here so that durability is decided in one place. SQLite before 3.51.3 can corrupt a WAL that two
connections write to, and nothing sets ``synchronous`` for us: so there is exactly one writing connection a
process, one writing process a home (``writer.lock``), and what was asked of SQLite is read back before the
first event is taken.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_ident
from typing import Literal
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool, StaticPool

from contracts.faults import UnavailableFault, problem
from domain.back_end import TurnTaken
from domain.sqlite import schema

FILE_NAME = "tallystick.db"
LOCK_NAME = "writer.lock"

PAGE_BYTES = 8192
WRITER_CACHE_KIB = 32_768
READER_CACHE_KIB = 2_048
AUTOCHECKPOINT_PAGES = 4_000
"""About 32 MB between checkpoints: each is a further sync, so they are few; the WAL stays small."""
WAL_BYTES_KEPT = 64 * 1024 * 1024
"""A rebuild may make the WAL long; a checkpoint then cuts it back to this."""
BUSY_TIMEOUT_S = 30.0
IDLE_READERS = 8

Synchronous = Literal["FULL", "NORMAL"]
_SYNCHRONOUS_LEVEL = {"NORMAL": 1, "FULL": 2}


class SqliteFile:
    """An open ledger file. Threads may share it; ``close`` it once, when none of them uses it any more."""

    def __init__(self, home: Path, *, writable: bool, synchronous: Synchronous) -> None:
        """Use ``open``: it says what can go wrong."""
        self.home = home
        self.path = home / FILE_NAME
        self.writable = writable
        self._lock = Lock()
        self._owner: int | None = None
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        self._lock_file: int | None = None
        self._writer: sqlite3.Connection | None = None
        self._write_engine: Engine | None = None
        if writable:
            # What agencies report about people is nobody else's on this machine.
            make_durable_directory(home)
            self._lock_file = _take_lock(home / LOCK_NAME)
            try:
                self._writer = _open_writer(self.path, synchronous)
                _sync_directory(home)
                self._write_engine = self._engine_over_writer(self._writer)
            except BaseException:
                self._release()
                raise
        else:
            _check_readable(self.path)
        self._read_engine = create_engine(
            "sqlite+pysqlite://",
            creator=self._connect_reader,
            poolclass=QueuePool,
            pool_size=IDLE_READERS,
            max_overflow=-1,
        )

    @classmethod
    def open(cls, home: Path, *, writable: bool = True, synchronous: Synchronous = "FULL") -> SqliteFile:
        """Open ``home/tallystick.db``, making it first where ``writable`` and absent.

        ``synchronous`` is FULL everywhere but in the control of the power-cut tests, which has to lose
        something. Raises UnavailableFault: ``home_in_use`` where another process writes to this home,
        ``home_missing`` where there is nothing to read, ``home_unusable`` where the file is not a ledger or
        comes from a newer version.
        """
        try:
            return cls(home.absolute(), writable=writable, synchronous=synchronous)
        except (OSError, sqlite3.Error) as error:
            raise UnavailableFault(problem("home_unusable", f"{home} cannot be used: {error}.")) from error

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[sqlite3.Cursor]:
        """One write transaction: commits on a clean exit, rolls back on any exception; waits its turn, or
        raises ``TurnTaken`` at once where it is another's and ``wait`` is off.

        A thread holds at most one at a time; asking again inside it is a RuntimeError, and so is a file
        opened to read.
        """
        with self._turn(wait) as writer:
            cursor = writer.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                self._commit(writer)
            except BaseException:
                _roll_back(writer)
                raise
            finally:
                cursor.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """As ``writing``, with a SQLAlchemy connection on the same, one writing connection."""
        with self._turn() as writer:
            assert self._write_engine is not None
            with self._write_engine.connect() as connection:
                writer.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    self._commit(writer)
                except BaseException:
                    _roll_back(writer)
                    raise

    share = write
    """The one writer has no sharers."""

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read-only snapshot on a connection of its own; never waits for a writer."""
        connection = self._take_reader()
        try:
            connection.execute("BEGIN")
            # BEGIN alone reads nothing: the snapshot is taken by the first read.
            connection.execute("SELECT log_index FROM head").fetchone()
            yield connection
        finally:
            self._give_back(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """As ``reading``, with a SQLAlchemy connection."""
        with self._read_engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("SELECT log_index FROM head").fetchone()
            try:
                yield connection
            finally:
                connection.rollback()

    def close(self) -> None:
        """Close every connection, the writing one last (that folds the WAL in), and give up the lock."""
        if self._closed:
            return
        self._closed = True
        self._read_engine.dispose()
        while self._idle:
            self._idle.pop().close()
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._write_engine is not None:
            self._write_engine.dispose()
            self._write_engine = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    @contextmanager
    def _turn(self, wait: bool = True) -> Iterator[sqlite3.Connection]:
        if not self.writable:
            raise RuntimeError(f"{self.path} was opened to read only")
        if self._owner == get_ident():
            raise RuntimeError("this thread already has a write transaction open")
        if not self._lock.acquire(blocking=wait):
            raise TurnTaken
        try:
            if self._writer is None:
                raise RuntimeError(f"{self.path} is closed")
            self._owner = get_ident()
            try:
                yield self._writer
            finally:
                self._owner = None
        finally:
            self._lock.release()

    def _commit(self, writer: sqlite3.Connection) -> None:
        if not writer.in_transaction:
            raise RuntimeError("the write transaction was ended from inside; its work is not whole")
        writer.commit()

    def _take_reader(self) -> sqlite3.Connection:
        if self._closed:
            raise RuntimeError(f"{self.path} is closed")
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect_reader()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        _roll_back(connection)
        if self._closed or len(self._idle) >= IDLE_READERS:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect_reader(self) -> sqlite3.Connection:
        connection = _connect(self.path, mode="ro")
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
        return connection

    @staticmethod
    def _engine_over_writer(writer: sqlite3.Connection) -> Engine:
        engine = create_engine("sqlite+pysqlite://", creator=lambda: writer, poolclass=StaticPool)
        # The first connect asks SQLite about itself and rolls back: let it do so before any transaction is
        # open.
        engine.connect().close()
        return engine


def _connect(path: Path, *, mode: Literal["ro", "rwc"]) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
        cached_statements=256,
    )


def _open_writer(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    writer = _connect(path, mode="rwc")
    try:
        _check_stamp(path, writer, may_be_empty=True)
        if schema.is_empty(writer):
            writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _set(writer, "journal_mode", "WAL", expected="wal")
        _set(writer, "synchronous", synchronous, expected=_SYNCHRONOUS_LEVEL[synchronous])
        # With it off, INSERT OR REPLACE would delete a row of the log without asking the trigger.
        _set(writer, "recursive_triggers", "ON", expected=1)
        # What a savepoint or a statement may have to take back fits in memory; in a file it costs as much as the rows.
        _set(writer, "temp_store", "MEMORY", expected=2)
        writer.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        writer.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
        writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        if schema.is_empty(writer):
            cursor = writer.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                schema.create(cursor)
                writer.commit()
            except BaseException:
                _roll_back(writer)
                raise
    except BaseException:
        writer.close()
        raise
    return writer


def _set(connection: sqlite3.Connection, pragma: str, value: str, *, expected: object) -> None:
    """Ask for a setting and read it back: an unknown or refused pragma is silent in SQLite."""
    connection.execute(f"PRAGMA {pragma} = {value}")
    (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    if found != expected:
        raise UnavailableFault(
            problem("home_unusable", detail=f"SQLite answered {pragma} = {found!r}, not {expected!r}.")
        )


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise UnavailableFault(problem("home_missing", detail=f"There is no ledger at {path.parent}."))
    connection = _connect(path, mode="ro")
    try:
        _check_stamp(path, connection, may_be_empty=False)
    finally:
        connection.close()


def _check_stamp(path: Path, connection: sqlite3.Connection, *, may_be_empty: bool) -> None:
    try:
        empty = schema.is_empty(connection)
        application_id, version = schema.stamp(connection)
    except sqlite3.DatabaseError as error:
        raise UnavailableFault(problem("home_unusable", detail=f"{path} cannot be read: {error}.")) from error
    if empty and application_id == 0:
        if may_be_empty:
            return
        raise UnavailableFault(problem("home_missing", detail=f"{path} holds no ledger yet."))
    if application_id != schema.APPLICATION_ID:
        raise UnavailableFault(problem("home_unusable", detail=f"{path} is a database of another application."))
    if version != schema.SCHEMA_VERSION:
        raise UnavailableFault(
            problem(
                "home_unusable",
                detail=f"{path} has schema version {version}; this program reads {schema.SCHEMA_VERSION}.",
            )
        )


def _take_lock(path: Path) -> int:
    """Hold an exclusive flock: the kernel gives it up when the process dies, however it dies."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise UnavailableFault(problem("home_in_use", detail=f"Another process writes to {path.parent}.")) from error
    return handle


def make_durable_directory(home: Path) -> None:
    """Create a directory, and those above it that are missing, so that their names survive a power cut."""
    missing = [place for place in (home, *home.parents) if not place.exists()]
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in (*missing, home):
        _sync_directory(made.parent)


def _sync_directory(path: Path) -> None:
    """Make the new file's name durable too, not only its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.rollback()
