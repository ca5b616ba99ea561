"""The ledger's recorder: the library's SQLite recorder on our own table, with a dense ``log_index``.

It is here so that ``eventsourcing`` reads and writes decisions through the same rows, transaction and tree as
everything else, and so that the library's own conformance suite can be run on what the ledger really uses.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal
from uuid import UUID

from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    Notification,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteDatastore, SQLiteFactory
from eventsourcing.utils import Environment

from contracts.faults import RejectedFault, problem
from contracts.ports import Clock
from contracts.recorded import Accepted
from domain.appending import Appending
from domain.names import Names
from domain.sqlite_file import SqliteFile, TurnTaken

FORBIDDEN_SETTINGS = ("POSTGRES_ENABLE_DB_FUNCTIONS",)
"""Settings of the library under which a tailing reader passes over events that commit later."""

_SELECT = "SELECT originator_id, originator_version, text AS topic, state FROM log JOIN names ON names.id = topic_id"
_NOTIFICATIONS = (
    "SELECT log_index, originator_id, originator_version, text AS topic, state "
    "FROM log JOIN names ON names.id = topic_id"
)

# From the particular to the general: the first that matches names the library's own class for it.
_ERRORS: tuple[tuple[type[sqlite3.Error], type[PersistenceError]], ...] = (
    (sqlite3.InterfaceError, InterfaceError),
    (sqlite3.DataError, DataError),
    (sqlite3.OperationalError, OperationalError),
    (sqlite3.IntegrityError, IntegrityError),
    (sqlite3.InternalError, InternalError),
    (sqlite3.ProgrammingError, ProgrammingError),
    (sqlite3.NotSupportedError, NotSupportedError),
    (sqlite3.DatabaseError, DatabaseError),
    (sqlite3.Error, PersistenceError),
)


class DecisionStored(StoredEvent):
    """A stored event that knows its submission, and with it the CloudEvent columns of its row."""

    def __init__(self, originator_id: str, originator_version: int, topic: str, accepted: Accepted) -> None:
        """``state`` is exactly the canonical bytes as received."""
        super().__init__(originator_id, originator_version, topic, accepted.body)
        object.__setattr__(self, "accepted", accepted)

    accepted: Accepted


class LedgerDatastore(SQLiteDatastore):
    """The library's view of a SqliteFile: its transactions are ours, and inside an open one it joins in."""

    def __init__(self, file: SqliteFile, originator_id_type: Literal["uuid", "text"] = "text") -> None:
        """Opens nothing itself: connections, pragmas and the write lock are the file's."""
        self.file = file
        self.single_row_tracking = True
        self.originator_id_type = originator_id_type

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        """A cursor with rows by name; inside a write transaction of this thread, that transaction's."""
        with _as_library_errors():
            joined = self.file.open_cursor()
            if joined is not None:
                yield _rows_by_name(joined.connection)
            elif commit:
                with self.file.writing() as cursor:
                    yield _rows_by_name(cursor.connection)
            else:
                with self.file.reading() as connection:
                    yield _rows_by_name(connection)

    def close(self) -> None:
        """Nothing: whoever opened the file closes it."""


class LedgerFactory(SQLiteFactory):
    """Hands the library our datastore without reading the process environment."""

    def __init__(self, datastore: LedgerDatastore) -> None:
        """Raises RejectedFault ``settings_invalid`` where the environment asks for what would lose events."""
        for name in FORBIDDEN_SETTINGS:
            if any(key.endswith(name) for key in os.environ):
                raise RejectedFault(
                    problem(
                        "settings_invalid",
                        detail=f"{name} is set; under it a reader can miss events. Unset it.",
                    )
                )
        self.env = Environment("ledger", {})
        self._is_entered = False
        self.datastore = datastore


class LedgerRecorder(SQLiteApplicationRecorder):
    """Inserts and selects stored events of the table ``log``."""

    datastore: LedgerDatastore

    def __init__(self, datastore: LedgerDatastore, *, clock: Clock) -> None:
        """``clock`` gives ``recorded_at``."""
        super().__init__(datastore, events_table_name="log")
        self._clock = clock
        self._names = Names()
        self._open: Appending | None = None
        self._turn = Lock()
        self.select_events_statement = f"{_SELECT} WHERE originator_id=? "

    def construct_create_table_statements(self) -> list[str]:
        """None: the tables are made with the file, in one step and under its lock."""
        return []

    @contextmanager
    def appending(self, *, wait: bool = True) -> Iterator[tuple[sqlite3.Cursor, Appending]]:
        """One write transaction on the log: all of what is appended inside becomes durable, or none of it.

        Where ``wait`` is off and another thread is writing, raises ``TurnTaken`` and changes nothing.
        """
        # Held until the names are settled: they are kept or forgotten after the commit, and the next transaction must
        # not have learnt any by then.
        if not self._turn.acquire(blocking=wait):
            raise TurnTaken
        try:
            with self.datastore.file.writing(wait=wait) as cursor:
                page = Appending(cursor, self._names, self._clock())
                self._open = page
                try:
                    yield cursor, page
                    page.close()
                finally:
                    self._open = None
        except BaseException:
            self._names.forget()
            raise
        else:
            self._names.keep()
        finally:
            self._turn.release()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append stored events; inside ``appending`` they join its transaction. Returns their log_indexes."""
        with _as_library_errors():
            if self.datastore.file.open_cursor() is not None and self._open is not None:
                return self._append(self._open, stored_events)
            with self.appending() as (_, page):
                return self._append(page, stored_events)

    def _append(self, page: Appending, stored_events: Sequence[StoredEvent]) -> list[int]:
        if any(isinstance(event, DecisionStored) for event in stored_events):
            return [
                page.decision(event.accepted, str(event.originator_id), event.originator_version).log_index
                for event in stored_events
                if isinstance(event, DecisionStored)
            ]
        return page.foreign(stored_events, [_text(event.originator_id) for event in stored_events])

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Stored events by log_index, from ``start``, at most ``limit``, up to ``stop`` included."""
        conditions: list[str] = []
        parameters: list[int | str] = []
        if start is not None:
            conditions.append("log_index >= ?" if inclusive_of_start else "log_index > ?")
            parameters.append(start)
        if stop is not None:
            conditions.append("log_index <= ?")
            parameters.append(stop)
        if topics:
            conditions.append(f"text IN ({','.join('?' * len(topics))})")
            parameters.extend(topics)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(f"{_NOTIFICATIONS} {where}ORDER BY log_index LIMIT ?", [*parameters, limit])
            return [
                Notification(
                    id=row["log_index"],
                    originator_id=self.convert_originator_id(row["originator_id"]),
                    originator_version=row["originator_version"],
                    topic=row["topic"],
                    state=row["state"],
                )
                for row in cursor.fetchall()
            ]

    def max_notification_id(self) -> int:
        """The last log_index, None where the log is empty (as the library's conformance suite asks)."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT max(log_index) FROM log")
            (last,) = cursor.fetchone()
            return last  # type: ignore[no-any-return]


def _text(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id


def _rows_by_name(connection: sqlite3.Connection) -> SQLiteCursor:
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return SQLiteCursor(cursor)


@contextmanager
def _as_library_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        for ours, theirs in _ERRORS:
            if isinstance(error, ours):
                raise theirs(error) from error
        raise
