"""The ledger's file as a back end of the ledger, and the library's SQLite recorder on its table.

It is here as the place where the file, its transactions and the library's class meet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from contracts.faults import UnavailableFault, problem
from contracts.ports import Clock, Store
from domain.back_end import Asking, Writing
from domain.recorder import LedgerRecorder
from domain.sqlite.asking import SqliteAsking, SqliteWriting
from domain.sqlite.file import SqliteFile, Synchronous

T = TypeVar("T")


class SqliteBackEnd:
    """An open file as the ledger sees it. Threads may share it."""

    bodies_at_once = 250
    """So few that they are still in the processor's cache when they are decoded."""

    def __init__(self, file: SqliteFile) -> None:
        """``close`` closes the file."""
        self.file = file

    def answer(self, question: Callable[[Asking], T]) -> T:
        """On a read-only connection; never waits for a writer."""
        with self.file.reading() as connection:
            return question(SqliteAsking(connection))

    @contextmanager
    def snapshot(self) -> Iterator[Asking]:
        """A read-only connection for as long as it takes."""
        with self.file.reading() as connection:
            yield SqliteAsking(connection)

    def transact(self, work: Callable[[Writing], T], *, wait: bool) -> T:
        """On the one writing connection."""
        with self.file.writing(wait=wait) as cursor:
            return work(SqliteWriting(cursor))

    def store(self) -> Store:
        """The same file."""
        return self.file

    def fault(self, error: Exception) -> UnavailableFault | None:
        """``storage_full`` or ``home_unusable``."""
        if not isinstance(error, sqlite3.Error):
            return None
        code = "storage_full" if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else "home_unusable"
        return UnavailableFault(problem(code, f"SQLite says: {error}."))

    def is_damage(self, error: Exception) -> bool:
        """A page that is not what it should be, or a file that is none."""
        return isinstance(error, sqlite3.DatabaseError)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class _NoDatastore(SQLiteDatastore):
    """What the library's recorder wants to be made with: it opens nothing and is never asked."""

    def __init__(self, originator_id_type: Literal["uuid", "text"]) -> None:
        self.single_row_tracking = True
        self.originator_id_type = originator_id_type

    def close(self) -> None:
        """Nothing: whoever opened the file closes it."""


class SqliteLedgerRecorder(LedgerRecorder, SQLiteApplicationRecorder):
    """The library's recorder for SQLite on the table ``log``."""

    def __init__(
        self, back_end: SqliteBackEnd, *, clock: Clock, originator_id_type: Literal["uuid", "text"] = "text"
    ) -> None:
        """``clock`` gives ``recorded_at``."""
        SQLiteApplicationRecorder.__init__(self, _NoDatastore(originator_id_type), events_table_name="log")
        self.keep_log(back_end, clock, originator_id_type)

    def construct_create_table_statements(self) -> list[str]:
        """None: the tables are made with the file, in one step and under its lock."""
        return []


def open_home(
    home: Path, clock: Clock, writable: bool, synchronous: Synchronous
) -> tuple[SqliteBackEnd, SqliteLedgerRecorder]:
    """Open a home's file; raises as ``SqliteFile.open`` does."""
    back_end = SqliteBackEnd(SqliteFile.open(home, writable=writable, synchronous=synchronous))
    return back_end, SqliteLedgerRecorder(back_end, clock=clock)
