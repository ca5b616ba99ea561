"""The real thing as a subject: ledger and sequencer over one file, line and views over files of their own, put together
as ``serve`` does.

Here apart from the campaigns because it is the only module of the torture that knows the rooms.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Literal, cast

from sqlalchemy import func, select

from contracts.ports import LogReader, Store, views_name
from contracts.recorded import Submission
from domain.ledger import Ledger
from domain.sequencer import Sequencer
from domain.sqlite import file as ledger_file
from ops.torture import workload
from ops.torture.judge import Identity, Row
from projections.generations import view_file
from projections.generations.sqlite import SqliteGenerations
from projections.kpi import refresh
from projections.kpi.memory import MemoryStore
from projections.kpi.tables import CELLS, PARTIALS
from projections.tables import DIRTY_PERIODS, ENTRIES, METADATA, VIEW_STATE
from projections.views import Views
from streams.live_line import LiveLine
from streams.runner import Runner

ZONE = "America/Los_Angeles"
CHECKPOINT_PAGES = 40
"""WAL pages between checkpoints. The product's own figure is a hundred times that, and a session of the
torture would end before the first checkpoint, which is where most of the writing into the file happens."""

_FIRST_MOMENT_US = 1_767_225_600_000_000
_SECOND_US = 1_000_000
_JUDGED_AT_US = _FIRST_MOMENT_US + 86_400 * _SECOND_US
"""The moment as of which cells are computed: always the same, so that those of two ledgers can be compared."""

_COMPARED = {
    name: select(table) for name, table in METADATA.tables.items() if table not in (DIRTY_PERIODS, VIEW_STATE)
} | {
    # Nothing counted yet is no row or a row that says 0.
    VIEW_STATE.name: select(VIEW_STATE).where(VIEW_STATE.c.value != 0),
    PARTIALS.name: select(PARTIALS),
    CELLS.name: select(CELLS),
}
"""By table. ``dirty_periods`` is left out: what a rebuild leaves to be refreshed differs from what a batch leaves, by
design."""


def _clock() -> Callable[[], int]:
    """A clock that ticks a second a reading from a fixed moment, so that a seed replays; each session's
    begins again.
    """
    ticks = count()
    return lambda: _FIRST_MOMENT_US + next(ticks) * _SECOND_US


class EmbeddedSession:
    """One opening of one home."""

    def __init__(self, home: Path, synchronous: Literal["FULL", "NORMAL"]) -> None:
        clock = _clock()
        self._ledger = Ledger.open(home, clock=clock, synchronous=synchronous)
        self._sequencer = Sequencer(self._ledger)
        self._reader = reader = self._ledger.reader()
        self._generations = SqliteGenerations(home, clock=clock)
        self._store = self._generations.live_store()
        moved = threading.Condition()

        def runner(number: int, store: Store) -> Runner:
            views = Views(ZONE, on_refresh=_refresh, name=views_name(number))
            return Runner(reader, store, views, clock=clock, moved=moved)

        version = Views(ZONE).version
        self._line = LiveLine(self._generations, reader, runner, version=version, clock=clock, moved=moved)
        self._projected = 0

    def record(self, batch: Sequence[Submission]) -> Sequence[tuple[str, Identity | None, int, bytes]]:
        """Through the sequencer, as every sender's."""
        answers: list[tuple[str, Identity | None, int, bytes]] = []
        for outcome in self._sequencer.record(batch):
            identity = (outcome.source, outcome.id) if outcome.source and outcome.id else None
            receipt = outcome.receipt
            place, digest = (receipt.log_index, receipt.digest) if receipt else (0, b"")
            answers.append((outcome.status, identity, place, digest))
        return answers

    def project(self) -> None:
        """Every event; every third time the cells as well, which cost ten times as much as the rows."""
        self._projected += 1
        if self._projected % 3 == 0:
            self._line.catch_up()
        else:
            while self._line.step():
                pass

    def rows(self) -> Sequence[Row]:
        """All of the log."""
        return [
            Row(event.log_index, (event.source, event.id), event.digest, event.body, event.kind == "statement")
            for event in self._reader.after(0, 1_000_000)
        ]

    def verify(self) -> Sequence[str]:
        """What the product's own ``verify`` says, and SQLite's integrity check of both files."""
        sentences = [f"{finding.log_index}: {finding.sentence}" for finding in self._ledger.verify().problems]
        for store in (self._ledger.store(), self._store):
            with store.read() as connection:
                answers = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            sentences += [answer for answer in answers if answer != "ok"]
        return sentences

    def tally(self) -> int:
        """The entries, which are counted and not merged: the one view in which an event applied twice would
        show.
        """
        with self._store.read() as connection:
            return int(connection.execute(select(func.coalesce(func.sum(ENTRIES.c.n), 0))).scalar_one())

    def views(self) -> dict[str, list[object]]:
        """Every table of the read models, and the cells."""
        self._line.catch_up()
        return _tables(self._store)

    def rebuilt(self) -> dict[str, list[object]]:
        """A rebuild in memory."""
        store = MemoryStore()
        try:
            views = Views(ZONE, on_refresh=_refresh)
            with store.write() as connection:
                views.prepare(connection)
            views.rebuild(store, self._reader)
            views.refresh(store, self._reader, _JUDGED_AT_US)
            return _tables(store)
        finally:
            store.close()

    def close(self) -> None:
        """Drains the sequencer and closes the files."""
        self._sequencer.close()
        self._generations.close()
        self._ledger.close()


def _refresh(store: Store, reader: LogReader, _now_us: int) -> int:
    return refresh(store, reader, _JUDGED_AT_US, ZONE)


def _tables(store: Store) -> dict[str, list[object]]:
    with store.read() as connection:
        return {name: [tuple(row) for row in connection.execute(query)] for name, query in _COMPARED.items()}


class Embedded:
    """The embedded ledger as it is served."""

    def open(self, home: Path, *, synchronous: str = "FULL") -> EmbeddedSession:
        """Raises what opening the ledger raises."""
        ledger_file.AUTOCHECKPOINT_PAGES = view_file.AUTOCHECKPOINT_PAGES = CHECKPOINT_PAGES
        return EmbeddedSession(home, cast(Literal["FULL", "NORMAL"], synchronous))

    def batches(self, seed: int) -> Sequence[Sequence[Submission]]:
        """See ``workload``."""
        return workload.batches(seed)

    def unit(self, batch: Sequence[Submission]) -> frozenset[Identity]:
        """See ``workload``."""
        return workload.statements(batch)


EMBEDDED = Embedded()
