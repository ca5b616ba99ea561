"""Reads the recorded log: the ``LogReader`` of the ports, on read-only connections of the ledger's file.

It is here so that the rooms that give meaning to events never touch the file: they are handed committed
events in order, typed columns where the bodies are not needed, and bodies as a stream where only those are.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from contracts.ports import HotColumns
from contracts.recorded import Gist, Head, Recorded
from domain import gists, packed
from domain.decode import Topic, decode, read_topic
from domain.names import chunks, find
from domain.sqlite_file import SqliteFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_COLUMNS = "log_index, recorded_at_us, time_us, topic_id, agency_id, digest, state"
_SELECT_NAMED = f"SELECT {_COLUMNS} FROM log WHERE log_index IN (SELECT value FROM json_each(?)) ORDER BY log_index"
_BODIES_AT_ONCE = 250
"""So few that they are still in the processor's cache when they are decoded."""
_SPARSE = 8
"""Where fewer than one event in this many is wanted, each is looked up; otherwise the range is scanned."""


class SqliteLogReader:
    """A LogReader over one file. Threads may share it: every call takes a connection for itself."""

    def __init__(self, file: SqliteFile) -> None:
        """Reads nothing yet."""
        self._file = file
        self._topics: dict[int, Topic] = {}
        self._agencies: dict[int, str] = {}

    def head(self) -> Head:
        """The ledger's end."""
        with self._file.reading() as connection:
            row = connection.execute("SELECT log_index, recorded_at_us, root FROM head").fetchone()
        return Head(*row)

    def after(self, log_index: int, limit: int) -> Sequence[Recorded]:
        """At most ``limit`` events with a greater log_index, in order and without a hole."""
        with self._file.reading() as connection:
            return self._decode(
                connection,
                connection.execute(
                    f"SELECT {_COLUMNS} FROM log WHERE log_index > ? ORDER BY log_index LIMIT ?",
                    (log_index, limit),
                ),
            )

    def at(self, log_indexes: Sequence[int]) -> Sequence[Recorded]:
        """The named events, ordered by log_index; absent ones are left out."""
        with self._file.reading() as connection:
            rows = connection.execute(_SELECT_NAMED, (_json(log_indexes),))
            return self._decode(connection, rows)

    def by_subject(self, subjects: Sequence[str], upto: int) -> Sequence[Recorded]:
        """Every event about these subjects with log_index <= upto, ordered by log_index."""
        with self._file.reading() as connection:
            ids = [number for _, number in find(connection, list(dict.fromkeys(subjects)))]
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM log WHERE log_index IN ("
                "SELECT log.log_index FROM json_each(?) AS wanted "
                "CROSS JOIN log ON log.subject_id = wanted.value AND log.log_index <= ?) ORDER BY log_index",
                (_json(ids), upto),
            )
            return self._decode(connection, rows)

    def about(self, subjects: Sequence[str], upto: int) -> array[int]:
        """The log_index of every event about these subjects that is <= upto, ascending."""
        with self._file.reading() as connection:
            return gists.about(connection, subjects, upto)

    def gists(self, log_indexes: Sequence[int]) -> Sequence[Gist]:
        """What a fold needs of the named events, ordered by log_index; absent ones are left out."""
        with self._file.reading() as connection:
            topics, agencies = self._topics, self._agencies
            return list(
                gists.read(
                    connection,
                    log_indexes,
                    lambda number: topics.get(number) or read_topic(_name(connection, number)),
                    lambda number: agencies.get(number) or _name(connection, number),
                )
            )

    def by_identity(self, identities: Sequence[tuple[str, str]], upto: int) -> Sequence[Recorded]:
        """The events with these ``(source, id)`` and log_index <= upto, ordered by log_index."""
        with self._file.reading() as connection:
            sources = dict(find(connection, list(dict.fromkeys(source for source, _ in identities))))
            keys = [f"{sources[source]}/{event_id}" for source, event_id in identities if source in sources]
            found: set[int] = set()
            for marks, chunk in chunks(keys):
                for query in (
                    f"SELECT log_index FROM log WHERE originator_version = 1 AND originator_id IN ({marks})",
                    f"SELECT log_index FROM decision_identity WHERE identity IN ({marks})",
                ):
                    found.update(index for (index,) in connection.execute(query, chunk) if index <= upto)
            rows = connection.execute(_SELECT_NAMED, (_json(sorted(found)),))
            return self._decode(connection, rows)

    def upto_moment(self, moment_us: int) -> int:
        """The greatest log_index whose recorded_at_us <= moment_us (0 if none)."""
        with self._file.reading() as connection:
            # recorded_at never decreases with log_index, so the place can be found by halving.
            (low, high) = (0, connection.execute("SELECT log_index FROM head").fetchone()[0])
            while low < high:
                middle = (low + high + 1) // 2
                (at,) = connection.execute("SELECT recorded_at_us FROM log WHERE log_index = ?", (middle,)).fetchone()
                if at <= moment_us:
                    low = middle
                else:
                    high = middle - 1
            return int(low)

    def hot_columns(self, after: int, upto: int) -> HotColumns:
        """The typed columns of ``after < log_index <= upto``; reads no event bodies."""
        with self._file.reading() as connection:
            return packed.read(connection, after, upto)

    def names(self) -> dict[int, str]:
        """id -> text, for types (``call.received.v1``), subjects, sources and agencies alike."""
        with self._file.reading() as connection:
            return dict(connection.execute("SELECT id, text FROM names").fetchall())

    def bodies(self, log_indexes: npt.NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """(log_index, canonical bytes) of the named events in ascending order, streamed.

        No connection is held between two runs of events, so a slow consumer holds nothing up.
        """
        import numpy as np

        in_order = bool((log_indexes[1:] > log_indexes[:-1]).all())
        wanted = log_indexes if in_order else np.unique(log_indexes)
        for start in range(0, len(wanted), _BODIES_AT_ONCE):
            run = wanted[start : start + _BODIES_AT_ONCE].tolist()
            first, last = run[0], run[-1]
            with self._file.reading() as connection:
                if last - first + 1 <= _SPARSE * len(run):
                    rows: list[tuple[int, bytes]] = connection.execute(
                        "SELECT log_index, state FROM log WHERE log_index BETWEEN ? AND ? ORDER BY log_index",
                        (first, last),
                    ).fetchall()
                    if last - first + 1 > len(run):
                        # The log is dense; past its end there is nothing.
                        rows = [rows[index - first] for index in run if index - first < len(rows)]
                else:
                    rows = connection.execute(
                        "SELECT log_index, state FROM log "
                        "WHERE log_index IN (SELECT value FROM json_each(?)) ORDER BY log_index",
                        (_json(run),),
                    ).fetchall()
            yield from rows

    def _decode(self, connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> list[Recorded]:
        topics, agencies = self._topics, self._agencies
        events = []
        for log_index, recorded_at_us, time_us, topic_id, agency_id, digest, body in rows:
            topic = topics.get(topic_id)
            if topic is None:
                topic = topics[topic_id] = read_topic(_name(connection, topic_id))
            agency = agencies.get(agency_id)
            if agency is None:
                agency = agencies[agency_id] = _name(connection, agency_id)
            events.append(decode(topic, log_index, recorded_at_us, time_us, agency, digest, body))
        return events


def _name(connection: sqlite3.Connection, number: int) -> str:
    (text,) = connection.execute("SELECT text FROM names WHERE id = ?", (number,)).fetchone()
    return str(text)


def _json(numbers: Sequence[int]) -> str:
    return orjson.dumps([int(number) for number in numbers]).decode()
