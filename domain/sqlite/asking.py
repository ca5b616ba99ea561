"""Asks a SQLite connection, and writes to the log on the one that may.

It is here because SQLite takes long lists as JSON or as many placeholders, and is fastest when many rows are one
statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain

import orjson

from domain.back_end import Row, Taken

_ROWS = 50
"""Rows of one SQL statement: with one a row, the interpreter would be given up and asked for again for each of them."""
_STATED = (
    "INSERT INTO log (log_index, time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id, "
    "originator_version, originator_id, event_id, digest, state) VALUES (?,?,?,?,?,?,?,1,?,NULL,?,?)"
)
_STATED_ROWS = _STATED + ",(?,?,?,?,?,?,?,1,?,NULL,?,?)" * (_ROWS - 1)

_CHUNK = 250


class SqliteAsking:
    """One snapshot, or the open transaction of the writing connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """``ask`` is the connection's own call: nothing stands between."""
        self.ask = self.stream = connection.execute

    def among(self, column: str) -> str:
        """One parameter, however many numbers."""
        return f"{column} IN (SELECT value FROM json_each(?))"

    def numbers(self, values: Iterable[int]) -> object:
        """JSON."""
        return orjson.dumps([int(value) for value in values]).decode()

    def matching(self, sql: str, texts: Sequence[str]) -> Iterator[Row]:
        """Runs of the texts, one question each."""
        for marks, chunk in chunks(texts):
            yield from self.ask(sql.format(texts=f"IN ({marks})"), chunk)

    def unindexed(self) -> str:
        """SQLite is told for each table."""
        return " NOT INDEXED"

    def damages(self, limit: int) -> Iterator[str]:
        """Whether SQLite finds every index to say what its table says: a lost key would let an event in twice."""
        for (told,) in self.ask(f"PRAGMA integrity_check({limit})"):
            if told != "ok":
                yield f"SQLite's integrity check: {told}"


class SqliteWriting(SqliteAsking):
    """The open write transaction."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        """``cursor`` is inside BEGIN IMMEDIATE. Questions have cursors of their own, so that one may be read on."""
        super().__init__(cursor.connection)
        self._cursor = cursor

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """One statement."""
        self._cursor.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """One statement for each row."""
        self._cursor.executemany(sql, rows)

    def head(self) -> tuple[int, int, bytes]:
        """As it stands."""
        log_index, recorded_at_us, frontier = self.ask(
            "SELECT log_index, recorded_at_us, frontier FROM head"
        ).fetchone()
        return log_index, recorded_at_us, frontier

    def intern(self, texts: Sequence[str]) -> Iterable[Row]:
        """Those that are there, then those that were not."""
        known: dict[str, int] = dict(self.matching("SELECT text, id FROM names WHERE text {texts}", texts))
        fresh = [text for text in texts if text not in known]
        if fresh:
            (last,) = self.ask("SELECT coalesce(max(id), 0) FROM names").fetchone()
            rows = list(enumerate(fresh, last + 1))
            self.execute_many("INSERT INTO names (id, text) VALUES (?, ?)", rows)
            known.update((text, number) for number, text in rows)
        return known.items()

    def expected(self, keys: Sequence[str]) -> Iterator[Row]:
        """Decisions alone: of statements the index is asked by the insertion, and a savepoint takes it back."""
        if self.ask("SELECT 1 FROM decision_identity LIMIT 1").fetchone() is None:
            return iter(())
        return self.matching(
            "SELECT d.identity, log.log_index, log.recorded_at_us, log.digest "
            "FROM decision_identity AS d JOIN log ON log.log_index = d.log_index WHERE d.identity {texts}",
            keys,
        )

    def together(self) -> AbstractContextManager[object]:
        """There is nothing to wait for."""
        return nullcontext()

    def statements(self, rows: list[Row]) -> None:
        """Many rows a statement."""
        self._cursor.execute("SAVEPOINT run")
        try:
            alone = len(rows) - len(rows) % _ROWS
            for start in range(0, alone, _ROWS):
                self._cursor.execute(_STATED_ROWS, list(chain.from_iterable(rows[start : start + _ROWS])))
            self._cursor.executemany(_STATED, rows[alone:])
        except sqlite3.IntegrityError as error:
            self._cursor.execute("ROLLBACK TO run")
            self._cursor.execute("RELEASE run")
            raise Taken from error
        self._cursor.execute("RELEASE run")

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """One statement for each row."""
        self.execute_many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))})", rows)

    def keep_rejection(self, columns: Sequence[str], row: Sequence[object]) -> None:
        """Numbered by the table itself."""
        self.execute(
            f"INSERT INTO rejections ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))}) "
            "ON CONFLICT (raw_sha256, code, pointer, coalesce(agency, '')) DO UPDATE "
            "SET times = times + 1, last_received_at_us = max(last_received_at_us, excluded.last_received_at_us)",
            row,
        )


def chunks(values: Sequence[str]) -> Iterator[tuple[str, Sequence[str | None]]]:
    """Runs of values as (placeholders, parameters), NULL-padded so that few statements differ."""
    for start in range(0, len(values), _CHUNK):
        chunk: list[str | None] = list(values[start : start + _CHUNK])
        width = next(width for width in (1, 4, 16, 64, _CHUNK) if width >= len(chunk))
        chunk.extend([None] * (width - len(chunk)))
        yield ",".join("?" * width), chunk
