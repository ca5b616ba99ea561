"""One generation of views in a file of its own: a writer behind a lock, many readers.

Here apart from the ledger's file so that making views again never waits for recording, and so that it may be cheaper
about durability: position and rows commit together, and what a power cut takes is folded again from the log.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, get_ident
from typing import Literal
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool, StaticPool

from contracts.faults import fault

PAGE_BYTES = 8_192
WRITER_CACHE_KIB = 32_768
READER_CACHE_KIB = 2_048
AUTOCHECKPOINT_PAGES = 4_000
"""About 32 MB between checkpoints: each is a sync, so they are few."""
WAL_BYTES_KEPT = 64 * 1024 * 1024
"""A rebuild may make the WAL long; a checkpoint then cuts it back to this."""
BUSY_TIMEOUT_S = 30.0
IDLE_READERS = 8

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a file."""


class ViewFile:
    """A ``contracts.ports.Store`` in a file. Threads may share it; ``close`` it when none of them uses it any more.

    ``lock`` is the file by whose lock a process says that it writes this one; it is taken at the first write.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        self.path = path
        self._lock_path = lock
        self._turn = Lock()
        self._owner: int | None = None
        self._lock_file: int | None = None
        self._writer: sqlite3.Connection | None = None
        self._write_engine: Engine | None = None
        self._read_engine = create_engine(
            "sqlite+pysqlite://",
            creator=self._connect_reader,
            poolclass=QueuePool,
            pool_size=IDLE_READERS,
            max_overflow=-1,
        )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The one write transaction: commits on a clean exit, rolls back on any exception.

        Waits for other threads; raises the fault ``views_in_use`` at once where another process writes this
        generation, and RuntimeError where the calling thread has a transaction open already.
        """
        if self._owner == get_ident():
            raise RuntimeError("this thread already has a write transaction open")
        with self._turn:
            writer, engine = self._writing()
            self._owner = get_ident()
            try:
                with engine.connect() as connection:
                    writer.execute("BEGIN IMMEDIATE")
                    try:
                        yield connection
                        if not writer.in_transaction:
                            raise RuntimeError("the write transaction was ended from inside; its work is not whole")
                        writer.commit()
                    except BaseException:
                        _roll_back(writer)
                        raise
            finally:
                self._owner = None

    share = write
    """The one writer has no sharers."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only snapshot; never waits for a writer."""
        with self._read_engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            # BEGIN alone reads nothing: the snapshot is taken by the first read.
            connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
            try:
                yield connection
            finally:
                connection.rollback()

    def held(self) -> bool:
        """Whether this process is the one that writes it."""
        return self._lock_file is not None

    def settle(self) -> None:
        """Folds everything committed into the file itself and syncs it, so that a power cut takes none of it."""
        with self._turn:
            writer, _ = self._writing()
            busy, _, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                # A reader holds an older snapshot: what is in the WAL is synced all the same.
                writer.execute("PRAGMA wal_checkpoint(FULL)").fetchone()

    def release(self) -> None:
        """Closes the writer and gives up the lock; writing takes it again. Waits for a transaction under way."""
        with self._turn:
            self._release()

    def idle(self) -> None:
        """Closes the connections that nobody reads from."""
        self._read_engine.dispose()

    def close(self) -> None:
        """Closes every connection, the writing one last."""
        self._read_engine.dispose()
        self.release()

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

    def _writing(self) -> tuple[sqlite3.Connection, Engine]:
        if self._writer is None or self._write_engine is None:
            self._lock_file = take_lock(self._lock_path)
            try:
                self._writer = writer = _open_writer(self.path)
                self._write_engine = create_engine("sqlite+pysqlite://", creator=lambda: writer, poolclass=StaticPool)
                # The first connect asks SQLite about itself and rolls back: before any transaction is open.
                self._write_engine.connect().close()
            except BaseException:
                self._release()
                raise
        return self._writer, self._write_engine

    def _connect_reader(self) -> sqlite3.Connection:
        connection = _connect(self.path, "ro")
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
        return connection


def take_lock(path: Path, *, wait: bool = False) -> int:
    """Holds an exclusive flock until it is closed: the kernel gives it up when the process dies, however it dies.

    Raises the fault ``views_in_use`` at once where another process holds it, unless it may ``wait``.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        os.close(handle)
        raise fault("views_in_use", f"Another process writes {path.with_suffix('.db')}.") from error
    except BaseException:
        os.close(handle)
        raise
    return handle


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Removes a file and what SQLite keeps beside it. Those who still read it keep what they have."""
    for name in (path, *(path.with_name(path.name + beside) for beside in BESIDE)):
        with suppress(FileNotFoundError):
            name.unlink()


def _connect(path: Path, mode: Literal["ro", "rw", "rwc"]) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
        cached_statements=256,
    )


def make(path: Path) -> None:
    """Makes an empty file of views. It must not exist."""
    connection = _connect(path, "rwc")
    try:
        path.chmod(0o600)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _open_writer(path: Path) -> sqlite3.Connection:
    writer = _connect(path, "rw")
    try:
        for pragma, value, expected in (("journal_mode", "WAL", "wal"), ("synchronous", "NORMAL", 1)):
            writer.execute(f"PRAGMA {pragma} = {value}")
            (found,) = writer.execute(f"PRAGMA {pragma}").fetchone()
            if found != expected:
                raise fault("home_unusable", f"SQLite answered {pragma} = {found!r}, not {expected!r}.")
        # What a savepoint or a statement may have to take back fits in memory.
        writer.execute("PRAGMA temp_store = MEMORY")
        writer.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        writer.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
        writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    except BaseException:
        writer.close()
        raise
    return writer


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.rollback()
