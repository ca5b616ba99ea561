"""A log in memory and a store in memory, for tests that must not depend on how the ledger keeps events.

The log keeps the port's promises (dense, ordered, typed columns beside the bodies) over a plain list.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool, StaticPool

from contracts.catalogue import CATALOGUE
from contracts.event_ids import EventIds
from contracts.ports import NO_TIME, HotColumns
from contracts.recorded import Gist, Head, Recorded


def recorded(
    log_index: int,
    type: str,
    data: dict[str, Any],
    *,
    id: str,
    source: str = "//lakeside/records",
    agency: str = "lakeside",
    subject: str | None = None,
    time_us: int | None = None,
    recorded_at_us: int = 1_750_000_000_000_000,
    supersedes: str | None = None,
) -> Recorded:
    """One event as the ledger would hand it on; the subject follows from the catalogue unless given."""
    entry = CATALOGUE.newest(type)
    subject = subject or entry.subject_of(data) or "call/none"
    envelope: dict[str, Any] = {"source": source, "id": id, "subject": subject, "data": data}
    if supersedes is not None and type not in ("record.voided", "record.corrected"):
        envelope["supersedes"] = supersedes
    body = orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)
    return Recorded(
        log_index=log_index,
        recorded_at_us=recorded_at_us,
        source=source,
        id=id,
        type=type,
        version=entry.version,
        kind=entry.kind,
        subject=subject,
        agency=agency,
        time_us=time_us,
        supersedes=data.get("supersedes", supersedes),
        data=data,
        digest=hashlib.sha256(body).digest(),
        body=body,
    )


class FakeLog:
    """A LogReader over a list of events with log_index 1, 2, 3, …"""

    def __init__(self, events: Iterable[Recorded] = ()) -> None:
        self.events = list(events)
        self._ids: dict[str, int] = {}

    def head(self) -> Head:
        last = self.events[-1] if self.events else None
        return Head(len(self.events), last.recorded_at_us if last else 0, b"\0" * 32)

    def after(self, log_index: int, limit: int) -> Sequence[Recorded]:
        return self.events[log_index : log_index + limit]

    def at(self, log_indexes: Sequence[int]) -> Sequence[Recorded]:
        return [self.events[i - 1] for i in sorted(set(log_indexes)) if i <= len(self.events)]

    def by_subject(self, subjects: Sequence[str], upto: int) -> Sequence[Recorded]:
        return [e for e in self.events[:upto] if e.subject in set(subjects)]

    def about(self, subjects: Sequence[str], upto: int) -> Sequence[int]:
        return [e.log_index for e in self.by_subject(subjects, upto)]

    def gists(self, log_indexes: Sequence[int]) -> Sequence[Gist]:
        return [
            Gist(e.source, e.id, e.subject, e.data, e.type, e.kind, e.agency, e.time_us) for e in self.at(log_indexes)
        ]

    def by_identity(self, identities: Sequence[tuple[str, str]], upto: int) -> Sequence[Recorded]:
        return [e for e in self.events[:upto] if (e.source, e.id) in set(identities)]

    def upto_moment(self, moment_us: int) -> int:
        return sum(e.recorded_at_us <= moment_us for e in self.events)

    def hot_columns(self, after: int, upto: int) -> HotColumns:
        def column(values: Iterable[int]) -> Any:
            return np.array(list(values), dtype=np.int64)

        chosen = self.events[after:upto]
        return HotColumns(
            column(e.log_index for e in chosen),
            column(self._id(f"{e.type}.v{e.version}") for e in chosen),
            column(self._id(e.subject) for e in chosen),
            column(self._id(e.source) for e in chosen),
            column(self._id(e.agency) for e in chosen),
            column(NO_TIME if e.time_us is None else e.time_us for e in chosen),
            column(e.recorded_at_us for e in chosen),
            np.array([e.supersedes is not None for e in chosen], dtype=bool),
            EventIds.of([e.id for e in chosen]),
        )

    def names(self) -> dict[int, str]:
        for e in self.events:
            for text in (f"{e.type}.v{e.version}", e.subject, e.source, e.agency):
                self._id(text)
        return {number: text for text, number in self._ids.items()}

    def bodies(self, log_indexes: Any) -> Iterator[tuple[int, bytes]]:
        for index in np.unique(log_indexes).tolist():
            yield index, self.events[index - 1].body

    def _id(self, text: str) -> int:
        return self._ids.setdefault(text, len(self._ids) + 1)


class MemoryStore:
    """A Store over one connection, in memory unless given a file, with transactions that cover DDL."""

    def __init__(self, path: Path | None = None) -> None:
        raw = ":memory:" if path is None else str(path)

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(raw, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA synchronous = OFF")
            return connection

        pool = StaticPool if path is None else NullPool
        self.engine = create_engine("sqlite://", creator=connect, poolclass=pool)
        self._turn = threading.Lock()
        event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._turn, self.engine.begin() as connection:
            yield connection

    share = write

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._turn, self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def contents(store: MemoryStore, metadata: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, ordered, to be compared whole."""
    with store.read() as connection:
        return {
            # Not through the compiler: there are many tables, most of them empty, and a property reads them often.
            name: sorted((tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
            for name in metadata.tables
        }
