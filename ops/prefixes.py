"""Views of earlier prefixes of the log, built in memory when somebody asks how things were known then.

Building one costs a rebuild, so one is built at a time, and the last few are kept for the pages that follow.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.ports import LogReader

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from projections.kpi import AsOf
    from projections.kpi.memory import MemoryStore

KEPT = 2


def holds_exactly(connection: Connection, name: str, version: str, log_index: int) -> bool:
    """Whether the views and cells in this snapshot, made by the projector of a name in a version, are those of the log
    up to ``log_index``, no more and no less.

    They are not while the views are elsewhere in the log, were made by another version, have an event in
    quarantine, or have rows whose cells wait for the next refresh.
    """
    from sqlalchemy import inspect, select

    from projections.kpi import tables
    from projections.tables import DIRTY_PERIODS
    from streams.tables import PARTITIONS, POSITIONS, QUARANTINE

    if not inspect(connection).has_table(POSITIONS.name) or not tables.prepared(connection):
        return False
    place = select(POSITIONS.c.version, POSITIONS.c.log_index).where(POSITIONS.c.name == name)
    if connection.execute(place).one_or_none() != (version, log_index):
        return False
    waiting = (
        select(QUARANTINE.c.log_index).where(QUARANTINE.c.name == name),
        # Partitions go ahead of the position, which is where all of them are.
        select(PARTITIONS.c.log_index).where(PARTITIONS.c.name == name, PARTITIONS.c.log_index > log_index),
        select(DIRTY_PERIODS),
        select(tables.PENDING),
    )
    return all(connection.execute(query.limit(1)).first() is None for query in waiting)


@dataclass(slots=True)
class _Prefix:
    store: MemoryStore
    readers: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)  # a store in memory has one connection


class Prefixes:
    """The prefixes of one log. Safe to use from any thread; one that is being read is never closed."""

    def __init__(self, reader: LogReader, zone: str) -> None:
        self._reader = reader
        self._zone = zone
        self._kept: dict[tuple[int, int], _Prefix] = {}
        self._building = threading.Lock()
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, as_of: AsOf) -> Iterator[MemoryStore]:
        """The store of the log up to ``as_of``, built where it is not kept."""
        key = (as_of.log_index or 0, as_of.moment_us)
        with self._building:
            prefix = self._take(key)
            if prefix is None:
                from projections.kpi import as_of_store

                prefix = _Prefix(as_of_store(self._reader, self._zone, as_of), readers=1)
                with self._lock:
                    self._kept[key] = prefix
        try:
            with prefix.turn:
                yield prefix.store
        finally:
            with self._lock:
                prefix.readers -= 1
                self._shed(KEPT)

    def close(self) -> None:
        """Close every prefix that nobody reads."""
        with self._lock:
            self._shed(0)

    def _take(self, key: tuple[int, int]) -> _Prefix | None:
        with self._lock:
            prefix = self._kept.pop(key, None)
            if prefix is not None:
                prefix.readers += 1
                self._kept[key] = prefix  # last in the line of those to be shed
            return prefix

    def _shed(self, keep: int) -> None:
        for key, prefix in list(self._kept.items()):
            if len(self._kept) <= keep:
                return
            if prefix.readers == 0:
                del self._kept[key]
                prefix.store.close()
