"""Reads the recorded log: the ``LogReader`` of the ports, over whatever keeps the ledger.

It is here so that the rooms that give meaning to events never touch the database: they are handed committed
events in order, typed columns where the bodies are not needed, and bodies as a stream where only those are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from contracts.ports import HotColumns
from contracts.recorded import Gist, Head, Recorded
from domain import gists, packed
from domain.back_end import Asking, BackEnd, Row
from domain.decode import Topic, decode, read_topic
from domain.names import find

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_COLUMNS = "log_index, recorded_at_us, time_us, topic_id, agency_id, digest, state"
_SPARSE = 8
"""Where fewer than one event in this many is wanted, each is looked up; otherwise the range is scanned."""


class LedgerReader:
    """A LogReader over one ledger. Threads may share it: every call is a snapshot of its own."""

    def __init__(self, back_end: BackEnd) -> None:
        """Reads nothing yet."""
        self._back_end = back_end
        self._topics: dict[int, Topic] = {}
        self._agencies: dict[int, str] = {}

    def head(self) -> Head:
        """The ledger's end."""
        return self._back_end.answer(_head)

    def after(self, log_index: int, limit: int) -> Sequence[Recorded]:
        """At most ``limit`` events with a greater log_index, in order and without a hole."""
        sql = f"SELECT {_COLUMNS} FROM log WHERE log_index > ? ORDER BY log_index LIMIT ?"
        return self._back_end.answer(lambda asking: self._decode(asking, asking.ask(sql, (log_index, limit))))

    def at(self, log_indexes: Sequence[int]) -> Sequence[Recorded]:
        """The named events, ordered by log_index; absent ones are left out."""
        return self._back_end.answer(lambda asking: self._named(asking, log_indexes))

    def by_subject(self, subjects: Sequence[str], upto: int) -> Sequence[Recorded]:
        """Every event about these subjects with log_index <= upto, ordered by log_index."""
        return self._back_end.answer(lambda asking: self._named(asking, gists.about(asking, subjects, upto)))

    def about(self, subjects: Sequence[str], upto: int) -> array[int]:
        """The log_index of every event about these subjects that is <= upto, ascending."""
        return self._back_end.answer(lambda asking: gists.about(asking, subjects, upto))

    def gists(self, log_indexes: Sequence[int]) -> Sequence[Gist]:
        """What a fold needs of the named events, ordered by log_index; absent ones are left out."""
        topics, agencies = self._topics, self._agencies
        return self._back_end.answer(
            lambda asking: list(
                gists.read(
                    asking,
                    log_indexes,
                    lambda number: topics.get(number) or read_topic(_name(asking, number)),
                    lambda number: agencies.get(number) or _name(asking, number),
                )
            )
        )

    def by_identity(self, identities: Sequence[tuple[str, str]], upto: int) -> Sequence[Recorded]:
        """The events with these ``(source, id)`` and log_index <= upto, ordered by log_index."""

        def found(asking: Asking) -> list[Recorded]:
            sources: dict[str, int] = dict(find(asking, list(dict.fromkeys(source for source, _ in identities))))
            keys = [f"{sources[source]}/{event_id}" for source, event_id in identities if source in sources]
            indexes: set[int] = set()
            for query in (
                "SELECT log_index FROM log WHERE originator_version = 1 AND originator_id {texts}",
                "SELECT log_index FROM decision_identity WHERE identity {texts}",
            ):
                indexes.update(index for (index,) in asking.matching(query, keys) if index <= upto)
            return self._named(asking, sorted(indexes))

        return self._back_end.answer(found)

    def search(
        self,
        *,
        after: int,
        limit: int,
        upto: int,
        subject: str | None = None,
        topics: Sequence[str] | None = None,
        agency: str | None = None,
    ) -> Sequence[Recorded]:
        """At most ``limit`` events with ``after < log_index <= upto`` that match everything given, in order.

        ``topics`` are stored names of types (``call.received.v1``); an empty list matches nothing. There is no index
        on type or agency (each would slow every recording down): the log is scanned until ``limit`` is reached.
        """

        def found(asking: Asking) -> list[Recorded]:
            wheres = ["log_index > ?", "log_index <= ?"]
            parameters: list[object] = [after, upto]
            for column, texts in (
                ("subject_id", None if subject is None else [subject]),
                ("agency_id", None if agency is None else [agency]),
                ("topic_id", topics),
            ):
                if texts is not None:
                    wheres.append(asking.among(column))
                    parameters.append(asking.numbers(number for _, number in find(asking, list(texts))))
            sql = f"SELECT {_COLUMNS} FROM log WHERE {' AND '.join(wheres)} ORDER BY log_index LIMIT ?"
            return self._decode(asking, asking.ask(sql, (*parameters, limit)))

        return self._back_end.answer(found)

    def upto_moment(self, moment_us: int) -> int:
        """The greatest log_index whose recorded_at_us <= moment_us (0 if none)."""

        def found(asking: Asking) -> int:
            # recorded_at never decreases with log_index, so the place can be found by halving.
            (low, high) = (0, _head(asking).log_index)
            while low < high:
                middle = (low + high + 1) // 2
                (at,) = asking.ask("SELECT recorded_at_us FROM log WHERE log_index = ?", (middle,)).fetchone() or (0,)
                if at <= moment_us:
                    low = middle
                else:
                    high = middle - 1
            return int(low)

        return self._back_end.answer(found)

    def hot_columns(self, after: int, upto: int) -> HotColumns:
        """The typed columns of ``after < log_index <= upto``; reads no event bodies."""
        return self._back_end.answer(lambda asking: packed.read(asking, after, upto))

    def names(self) -> dict[int, str]:
        """id -> text, for types (``call.received.v1``), subjects, sources and agencies alike."""
        return self._back_end.answer(lambda asking: dict(asking.stream("SELECT id, text FROM names")))

    def bodies(self, log_indexes: npt.NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """(log_index, canonical bytes) of the named events in ascending order of log_index, streamed.

        No connection is held between two runs of events, so a slow consumer holds nothing up.
        """
        import numpy as np

        in_order = bool((log_indexes[1:] > log_indexes[:-1]).all())
        wanted = log_indexes if in_order else np.unique(log_indexes)
        at_once = self._back_end.bodies_at_once
        for start in range(0, len(wanted), at_once):
            run: list[int] = wanted[start : start + at_once].tolist()
            yield from self._back_end.answer(lambda asking, run=run: _bodies(asking, run))  # type: ignore[misc]

    def _named(self, asking: Asking, log_indexes: Iterable[int]) -> list[Recorded]:
        sql = f"SELECT {_COLUMNS} FROM log WHERE {asking.among('log_index')} ORDER BY log_index"
        return self._decode(asking, asking.ask(sql, (asking.numbers(log_indexes),)))

    def _decode(self, asking: Asking, rows: Iterable[Row]) -> list[Recorded]:
        topics, agencies = self._topics, self._agencies
        events = []
        for log_index, recorded_at_us, time_us, topic_id, agency_id, digest, body in rows:
            topic = topics.get(topic_id)
            if topic is None:
                topic = topics[topic_id] = read_topic(_name(asking, topic_id))
            agency = agencies.get(agency_id)
            if agency is None:
                agency = agencies[agency_id] = _name(asking, agency_id)
            events.append(decode(topic, log_index, recorded_at_us, time_us, agency, digest, body))
        return events


def _head(asking: Asking) -> Head:
    row = asking.ask("SELECT log_index, recorded_at_us, root FROM head").fetchone()
    assert row is not None
    return Head(*row)


def _bodies(asking: Asking, run: list[int]) -> list[Row]:
    first, last = run[0], run[-1]
    if last - first + 1 > _SPARSE * len(run):
        sql = f"SELECT log_index, state FROM log WHERE {asking.among('log_index')} ORDER BY log_index"
        return asking.ask(sql, (asking.numbers(run),)).fetchall()
    rows = asking.ask(
        "SELECT log_index, state FROM log WHERE log_index BETWEEN ? AND ? ORDER BY log_index", (first, last)
    ).fetchall()
    if last - first + 1 == len(run):
        return rows
    # The log is dense; past its end there is nothing.
    return [rows[index - first] for index in run if index - first < len(rows)]


def _name(asking: Asking, number: int) -> str:
    (text,) = asking.ask("SELECT text FROM names WHERE id = ?", (number,)).fetchone() or ("",)
    return str(text)
