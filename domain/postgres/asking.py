"""Asks a PostgreSQL session, and writes to the log in one that holds the head's row.

It is here because PostgreSQL takes long lists as arrays and is fastest when rows are copied in its own binary form.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import count

import psycopg

from domain.back_end import Found, Row
from domain.postgres.sessions import Session

_COPY = (
    "COPY log (log_index, time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id, originator_id, digest, "
    "state) FROM STDIN (FORMAT binary)"
)
# https://www.postgresql.org/docs/18/sql-copy.html, "Binary Format": a header, then for each row the number of its
# fields and each one's length and bytes, then -1.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = struct.pack("!h", -1)
_DATED = struct.Struct("!h" + "iq" * 7 + "i").pack
_UNDATED = struct.Struct("!h" + "iq" + "i" + "iq" * 5 + "i").pack
_LENGTH = struct.Struct("!i").pack
_DIGEST = _LENGTH(32)

_INTERN = """
    WITH wanted AS (SELECT text, place FROM unnest(%s::text[]) WITH ORDINALITY AS given (text, place)),
    known AS (SELECT names.text, names.id FROM names WHERE names.text = ANY (SELECT wanted.text FROM wanted)),
    fresh AS (
        INSERT INTO names (id, text)
        SELECT (SELECT coalesce(max(id), 0) FROM names) + row_number() OVER (ORDER BY place), text
        FROM wanted WHERE NOT EXISTS (SELECT 1 FROM known WHERE known.text = wanted.text)
        RETURNING text, id
    )
    SELECT text, id FROM known UNION ALL SELECT text, id FROM fresh
"""
_EXPECTED = """
    SELECT originator_id, log_index, recorded_at_us, digest FROM log
    WHERE originator_version = 1 AND originator_id = ANY(%s::text[])
    UNION ALL
    SELECT d.identity, log.log_index, log.recorded_at_us, log.digest
    FROM decision_identity AS d JOIN log ON log.log_index = d.log_index WHERE d.identity = ANY(%s::text[])
"""

_STREAMED = 2_000
"""Rows of a stream fetched at once."""

_INDEXES = """
    SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, i.indisvalid
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_am AS a
    ON a.oid = (SELECT relam FROM pg_class WHERE oid = i.indexrelid)
    WHERE c.relnamespace = 'public'::regnamespace AND a.amname = 'btree' AND i.indpred IS NULL
    AND c.relname IN ('names', 'log', 'log_columns', 'decision_identity', 'claims', 'rejections')
    ORDER BY 2, 1
"""


@lru_cache(maxsize=512)
def _marked(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresAsking:
    """One snapshot, or an open transaction."""

    _numbers = count(1)

    def __init__(self, session: Session) -> None:
        """``session`` is inside a transaction."""
        self._session = session
        # In binary, or every body would be written as hexadecimal digits and read back.
        self._cursor = session.cursor(binary=True)
        self._streams: list[psycopg.ServerCursor[Row]] = []

    def ask(self, sql: str, parameters: Sequence[object] = ()) -> Found:
        """All rows, at hand."""
        return self._session.cursor(binary=True).execute(_marked(sql), parameters)

    def stream(self, sql: str, parameters: Sequence[object] = ()) -> Found:
        """The rows through a cursor of the server."""
        cursor = self._session.cursor(f"stream_{next(self._numbers)}", binary=True)
        cursor.itersize = _STREAMED
        self._streams.append(cursor)
        return cursor.execute(_marked(sql), parameters)

    def close(self) -> None:
        """To be called before the transaction ends: the streams that were read end with it."""
        while self._streams:
            self._streams.pop().close()

    def among(self, column: str) -> str:
        """One parameter, however many numbers."""
        return f"{column} = ANY(?::bigint[])"

    def numbers(self, values: Iterable[int]) -> object:
        """An array."""
        return [int(value) for value in values]

    def matching(self, sql: str, texts: Sequence[str]) -> Iterator[Row]:
        """One question with an array."""
        if texts:
            yield from self.ask(sql.format(texts="= ANY(?::text[])"), (list(texts),))

    def unindexed(self) -> str:
        """The session is told: no index is used until the transaction ends."""
        for kind in ("indexscan", "indexonlyscan", "bitmapscan"):
            self._session.execute(f"SET LOCAL enable_{kind} = off")
        return ""

    def damages(self, limit: int) -> Iterator[str]:
        """Whether every index says what its table says: by amcheck where it is installed, else by counting through
        the index and through the rows."""
        installed = self.ask("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'").fetchone() is not None
        found = 0
        for index, table, valid in self.ask(_INDEXES).fetchall():
            if found >= limit:
                return
            sentence = None if valid else f"the index {index} is not valid"
            if sentence is None:
                sentence = self._amchecked(index) if installed else self._counted(index, table)
            if sentence is not None:
                found += 1
                yield sentence

    def _amchecked(self, index: str) -> str | None:
        try:
            with self._session.transaction():
                self._session.execute("SELECT bt_index_check(%s::regclass, true)", (index,))
        except (psycopg.InternalError, psycopg.DataError) as error:
            return f"PostgreSQL's amcheck of {index}: {' '.join(str(error).split())}"
        return None

    def _counted(self, index: str, table: str) -> str | None:
        through_index = self._count(table, index)
        rows = self._count(table, None)
        if through_index == rows:
            return None
        return f"the index {index} leads to {through_index} rows, the table {table} has {rows}"

    def _count(self, table: str, index: str | None) -> int:
        for kind in ("indexscan", "indexonlyscan", "bitmapscan"):
            self._session.execute(f"SET LOCAL enable_{kind} = {'off' if index is None else 'on'}")
        # Without a sort, the rows come in the index's order by walking that index and no other.
        for kind in ("seqscan", "sort", "incremental_sort"):
            self._session.execute(f"SET LOCAL enable_{kind} = {'on' if index is None else 'off'}")
        if index is None:
            row = self.ask(f"SELECT count(*) FROM {table}").fetchone()
        else:
            (columns,) = self.ask(
                "SELECT string_agg(pg_get_indexdef(?::regclass, k, true), ', ' ORDER BY k) "
                "FROM generate_series(1, (SELECT indnkeyatts FROM pg_index WHERE indexrelid = ?::regclass)) AS k",
                (index, index),
            ).fetchone() or ("1",)
            row = self.ask(
                f"SELECT count(*) FROM (SELECT {columns} FROM {table} ORDER BY {columns} OFFSET 0) AS walked"
            ).fetchone()
        return int((row or (0,))[0])


class PostgresWriting(PostgresAsking):
    """The open write transaction, which holds the head's row."""

    def __init__(self, session: Session, head: tuple[int, int, bytes]) -> None:
        """``head`` was read with the lock on it."""
        super().__init__(session)
        self._head = head

    def head(self) -> tuple[int, int, bytes]:
        """As it was when it was locked."""
        return self._head

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """One statement."""
        self._session.execute(_marked(sql), parameters)

    def together(self) -> AbstractContextManager[object]:
        """One after another on the way to the server, and their answers at the end."""
        return self._session.pipeline()

    def intern(self, texts: Sequence[str]) -> Iterable[Row]:
        """Found and added by one statement. Nobody else adds names meanwhile: the head is locked."""
        return self._cursor.execute(_INTERN, (list(texts),)).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Sent one after another without waiting for each answer."""
        if rows:
            self._cursor.executemany(_marked(sql), rows)

    def expected(self, keys: Sequence[str]) -> Iterator[Row]:
        """All, by one statement: a refused row would end the transaction."""
        wanted = list(keys)
        return iter(self._cursor.execute(_EXPECTED, (wanted, wanted)).fetchall())

    def statements(self, rows: list[Row]) -> None:
        """Copied in binary. What stands already was found before, and nobody else writes: none is ever refused."""
        if rows:
            with self._cursor.copy(_COPY) as copy:
                copy.write(copied(rows))

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Copied, a run at a time, so that no statement takes longer than one may."""
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def keep_rejection(self, columns: Sequence[str], row: Sequence[object]) -> None:
        """Numbered here, under the head's lock, so that numbers are as dense as SQLite's."""
        self.execute(
            f"INSERT INTO rejections AS kept (number, {', '.join(columns)}) "
            f"VALUES ((SELECT coalesce(max(number), 0) + 1 FROM rejections), {','.join('?' * len(columns))}) "
            "ON CONFLICT (raw_sha256, code, md5(pointer), md5(coalesce(agency, ''))) DO UPDATE "
            "SET times = kept.times + 1, "
            "last_received_at_us = greatest(kept.last_received_at_us, excluded.last_received_at_us)",
            row,
        )


def copied(rows: Iterable[Row]) -> bytes:
    """Rows of statements in PostgreSQL's binary form."""
    parts = [_HEADER]
    add = parts.append
    for index, time_us, at, topic, subject, source, agency, key, digest, body in rows:
        text = key.encode()
        if time_us is None:
            add(_UNDATED(10, 8, index, -1, 8, at, 8, topic, 8, subject, 8, source, 8, agency, len(text)))
        else:
            add(_DATED(10, 8, index, 8, time_us, 8, at, 8, topic, 8, subject, 8, source, 8, agency, len(text)))
        parts += (text, _DIGEST, digest, _LENGTH(len(body)), body)
    add(_TRAILER)
    return b"".join(parts)
