"""Comparing the kept read models and cells with what the log gives when it is folded anew.

Here because an explanation begins at the rows it explains: a row that was lost or altered outside the program is
found only by making every row again, elsewhere, and looking for differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from contracts.ports import Applied, LogReader, Progress
from contracts.recorded import Recorded
from projections.kpi import counting, stored
from projections.kpi.definitions import Definitions
from projections.kpi.measures import cell_figures
from projections.kpi.memory import MemoryStore
from projections.kpi.refresh import dating_only
from projections.kpi.tables import CELLS, COMPUTED, PENDING, prepared
from projections.partitioned import PartitionedViews
from projections.tables import DIRTY_PERIODS, METADATA, VIEW_STATE

NAMED_MAX = 20
"""The most rows named of one table; the others are only counted."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not as the log has it: ``wrong`` is "missing" (only the log gives it), "extra" (only the store
    holds it) or the columns that differ. Without a key, ``wrong`` tells of rows beyond those that are named.
    """

    table: str
    key: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.wrong}".replace(" :", ":")


@dataclass(frozen=True, slots=True)
class Audit:
    """What was compared: ``rows`` of read models and ``cells``; None where the cells wait for a refresh, so that
    they could not be."""

    rows: int
    cells: int | None
    differences: tuple[Difference, ...]


def audit(
    connection: Connection,
    reader: LogReader,
    zone: str,
    upto: int,
    progress: Progress | None = None,
    *,
    ahead: tuple[Sequence[Recorded], Applied] | None = None,
) -> Audit:
    """Compares every table and cell in a snapshot, which holds the log up to ``upto``, with a rebuild in memory.

    ``ahead`` is what the snapshot holds beyond that, where some partitions are further than all of them: their events
    behind ``upto``, in order, and up to where those about a subject are applied. Costs a rebuild and the memory of its
    tables. Cells are counted anew at the moment at which each KPI was. Raises what a rebuild raises on an event that
    cannot be applied.
    """
    views = PartitionedViews(zone)
    with MemoryStore() as store:
        views.rebuild(store, reader, upto=upto, progress=progress)
        if ahead is not None:
            with store.write() as memory:
                turn = views.turn(ahead[1])
                turn.apply(memory, ahead[0], reader)
                turn.finish(memory)
        with store.read() as memory:
            found: list[Difference] = []
            rows = _compare_rows(connection, memory, found)
            cells = None
            if settled(connection):
                cells = _compare(CELLS, _rows(connection, CELLS), _counted(connection, memory, zone), found)
    return Audit(rows, cells, tuple(found))


def beside(kept: Connection, made: Connection, zone: str) -> Audit:
    """Compares two stores that hold the same events and were made by the same version: every row, and every cell.

    A cell is compared with the cell, unless the clock has changed it between the moments at which the two were counted:
    then ``kept``'s is compared with what the rows of ``made`` give at its moment. Cells are compared only where those
    of both are settled.
    """
    found: list[Difference] = []
    rows = _compare_rows(kept, made, found)
    if not settled(kept) or not settled(made):
        return Audit(rows, None, tuple(found))
    alike = _counted_alike(kept, made)
    names = [column.name for column in CELLS.columns]

    def key(row: Row) -> tuple[str, int]:
        return row[names.index("kpi")], row[names.index("version")]

    told = (row for row in _rows(kept, CELLS) if key(row) in alike)
    cells = _compare(CELLS, told, (row for row in _rows(made, CELLS) if key(row) in alike), found)
    others = [row for row in _rows(kept, CELLS) if key(row) not in alike]
    if others or any(key(row) not in alike for row in _rows(made, CELLS)):
        counted = (row for row in _counted(kept, made, zone) if key(row) not in alike)
        cells += _compare(CELLS, others, counted, found)
    return Audit(rows, cells, tuple(found))


def changed_cells(kept: Connection, made: Connection) -> dict[tuple[str, int], int]:
    """How many cells of each KPI version are only in one of two stores or have other figures in them, whatever made
    them; for people, where they were made by different versions."""
    if not prepared(kept) or not prepared(made):
        return {}
    figures = [column for column in CELLS.columns if column.name != "last_us"]
    sides = [set(map(tuple, side.execute(select(*figures)))) for side in (kept, made)]
    found: dict[tuple[str, int], set[Row]] = {}
    for row in sides[0] ^ sides[1]:
        found.setdefault((row[0], row[1]), set()).add(row[2:4])
    return {name: len(found[name]) for name in sorted(found)}


def _counted_alike(kept: Connection, made: Connection) -> set[tuple[str, int]]:
    """The KPI versions whose cells must be the same in both, whenever they were counted."""
    ours = {(row.kpi, row.version): row for row in kept.execute(select(COMPUTED))}
    theirs = {(row.kpi, row.version): row for row in made.execute(select(COMPUTED))}
    return {
        name
        for name in ours.keys() & theirs.keys()
        if ours[name].fingerprint == theirs[name].fingerprint
        and all(
            one.next_change_us is None or one.next_change_us > max(ours[name].as_of_us, theirs[name].as_of_us)
            for one in (ours[name], theirs[name])
        )
    }


def _compare_rows(kept: Connection, made: Connection, found: list[Difference]) -> int:
    rows = 0
    for table in METADATA.sorted_tables:
        if table.name not in (DIRTY_PERIODS.name, VIEW_STATE.name):
            rows += _compare(table, _rows(kept, table), _rows(made, table), found)
    return rows


def settled(connection: Connection) -> bool:
    """Whether no change of a row waits for its cells."""
    if not prepared(connection):
        return False
    return all(connection.execute(select(table).limit(1)).first() is None for table in (DIRTY_PERIODS, PENDING))


def _rows(connection: Connection, table: Table) -> Iterator[Row]:
    """The rows in the order of their keys: text is ordered by its bytes, as Python does by code points."""
    query = select(table).order_by(*table.primary_key.columns)
    return (tuple(row) for row in connection.execution_options(stream_results=True).execute(query))


def _counted(connection: Connection, memory: Connection, zone: str) -> Iterable[Row]:
    """The rows of the cells as the rows in ``memory`` give them, at the moments at which the stored ones were."""
    definitions = Definitions.load(memory)
    moments = {(row.kpi, row.version): row.as_of_us for row in connection.execute(select(COMPUTED))}
    valued: dict[tuple[str, int], set[str]] = {}
    made: list[Row] = []
    # What is counted from other KPIs' cells comes last.
    for definition in sorted(definitions, key=lambda one: one.body.population == "kpi_status"):
        if definition.problem is not None:
            continue
        at_us = moments.get(definition.key, max(moments.values(), default=0))
        count = counting.count(
            memory,
            definition.body,
            at_us,
            zone,
            definitions=definitions,
            valued=lambda: dating_only(definitions, valued),
        )
        for cell, figures in cell_figures(definition.body, count.partials.items()).items():
            if cell[1] == "all" and figures.value is not None:
                valued.setdefault(definition.key, set()).add(cell[0])
            row = stored.figures_row(definition.key, cell, figures)
            made.append(tuple(row[column.name] for column in CELLS.columns))
    keys = _key_places(CELLS)
    return sorted(made, key=lambda row: tuple(row[place] for place in keys))


def _key_places(table: Table) -> list[int]:
    names = [column.name for column in table.columns]
    return [names.index(column.name) for column in table.primary_key.columns]


def _compare(table: Table, kept: Iterable[Row], made: Iterable[Row], found: list[Difference]) -> int:
    """Adds how the rows of a table differ; returns how many there should be. Both are in the order of their keys."""
    keys = _key_places(table)
    names = [column.name for column in table.columns]
    wrong: list[Difference] = []
    beyond = rows = 0

    def tell(row: Row, what: str) -> None:
        nonlocal beyond
        if len(wrong) < NAMED_MAX:
            wrong.append(Difference(table.name, "/".join(str(row[place]) for place in keys), what))
        else:
            beyond += 1

    for is_row, should_be in _paired(iter(kept), iter(made), keys):
        rows += should_be is not None
        if should_be is None:
            assert is_row is not None
            tell(is_row, "extra")
        elif is_row is None:
            tell(should_be, "missing")
        elif is_row != should_be:
            tell(is_row, ", ".join(n for n, a, b in zip_longest(names, is_row, should_be) if a != b))
    found += wrong
    if beyond:
        found.append(Difference(table.name, "", f"{beyond} more rows differ"))
    return rows


def _paired(kept: Iterator[Row], made: Iterator[Row], keys: list[int]) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of the same key side by side, None where one side has none."""

    def key(row: Row) -> Row:
        return tuple(row[place] for place in keys)

    left, right = next(kept, None), next(made, None)
    while left is not None or right is not None:
        if right is None or (left is not None and key(left) < key(right)):
            yield left, None
            left = next(kept, None)
        elif left is None or key(right) < key(left):
            yield None, right
            right = next(made, None)
        else:
            yield left, right
            left, right = next(kept, None), next(made, None)
