"""Keeping the stored cells in step with the read models and the clock.

Counting happens on a read snapshot and only the changed cells are written, in one short transaction, so
that a refresh never holds up the line. Marks are first taken over from the views, then counted, then
deleted: a change that commits in between has set a mark of its own, which stays for the next refresh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from contracts.ports import LogReader, Store
from projections import statements
from projections.kpi import counting, stored, tables
from projections.kpi.definitions import Definition, Definitions
from projections.kpi.measures import CellKey, Figures, cell_figures, periods_of
from projections.kpi.partials import Partial
from projections.kpi.populations import table_of
from projections.kpi.reference import Place
from projections.kpi.tables import CELLS, COMPUTED, PARTIALS, PENDING

EVERYTHING = "*"
GENERATION = "generation"
ZONE = "zone"

_CHANGED = statements.upsert(CELLS)
_GONE = f"DELETE FROM {CELLS.name} WHERE kpi = ? AND version = ? AND period = ? AND grp = ?"
_DONE = f"DELETE FROM {PENDING.name} WHERE population = ? AND month = ?"

Mark = tuple[str, str]
"""(table, month)."""


@dataclass(frozen=True, slots=True)
class Update:
    """What one KPI version needs written. ``months`` None means it was counted anew as a whole."""

    definition: Definition
    months: set[str] | None
    count: counting.Count
    changed: dict[CellKey, Figures]
    gone: list[CellKey]
    next_change_us: int | None


def refresh(
    store: Store,
    reader: LogReader,
    now_us: int,
    zone: str,
    *,
    done: Callable[[Connection], None] | None = None,
) -> int:
    """Bring the cells up to date at ``now_us``; returns how many cells changed.

    Counts again the months that were marked, those in which the clock has changed something, and whole KPIs
    whose definition changed. Idempotent. May block on another writer twice, briefly. Where another refresh
    overtook this one nothing is written and 0 returned; the marks are kept. ``done`` is called in the transaction that
    writes, with nothing to write as well: what was applied before this began is then in the cells. Where it raises,
    nothing is written.
    """
    del reader  # the views are all that is needed; the protocol hands both
    marks = _take_over(store)
    with store.read() as connection:
        generation = stored.setting(connection, GENERATION)
        definitions = Definitions.load(connection)
        rezoned = stored.setting(connection, ZONE) != zone
        updates = _updates(connection, definitions, marks, now_us, zone, rezoned)
        keys = {definition.key for definition in definitions if definition.problem is None}
        dropped = [
            (row.kpi, row.version)
            for row in connection.execute(select(COMPUTED.c.kpi, COMPUTED.c.version))
            if (row.kpi, row.version) not in keys
        ]
    nothing = not (updates or dropped or marks or rezoned)
    if nothing and done is None:
        return 0
    with store.write() as connection:
        if stored.setting(connection, GENERATION) != generation:
            return 0
        if done is not None:
            done(connection)
        if nothing:
            return 0
        for key in dropped:
            _drop(connection, key)
        for update in updates:
            _write(connection, update, now_us)
        statements.write_rows(connection, _DONE, sorted(marks))
        stored.set_setting(connection, GENERATION, str(int(generation or 0) + 1))
        stored.set_setting(connection, ZONE, zone)
    return sum(len(update.changed) + len(update.gone) for update in updates)


def _take_over(store: Store) -> set[Mark]:
    """Moves the views' marks into ``kpi_pending`` and returns all that are pending. Creates missing
    tables."""
    dirty = table_of("dirty_periods")
    with store.read() as connection:
        ready = tables.prepared(connection)
        waiting = connection.execute(select(dirty).limit(1)).first() is not None
        pending = _marks(connection, PENDING) if ready else set()
    if ready and not waiting:
        return pending
    with store.write() as connection:
        tables.prepare(connection)
        fresh = _marks(connection, dirty)
        pending = _marks(connection, PENDING)
        if fresh - pending:
            connection.execute(
                PENDING.insert(),
                [{"population": table, "month": month} for table, month in sorted(fresh - pending)],
            )
        connection.execute(delete(dirty))
    return pending | fresh


def _marks(connection: Connection, table: Any) -> set[Mark]:
    return {(row.population, row.month) for row in connection.execute(select(table))}


def _updates(
    connection: Connection,
    definitions: Definitions,
    marks: set[Mark],
    now_us: int,
    zone: str,
    rezoned: bool,
) -> list[Update]:
    computed = {(row.kpi, row.version): row for row in connection.execute(select(COMPUTED))}
    anew = rezoned or (EVERYTHING, EVERYTHING) in marks
    updates: list[Update] = []

    def valued() -> dict[tuple[str, int], set[str]]:
        found = counting.valued_periods(connection)
        for update in updates:
            mine = found.setdefault(update.definition.key, set())
            for (period, group), figures in update.changed.items():
                if group == "all":
                    (mine.discard if figures.value is None else mine.add)(period)
            mine -= {period for period, group in update.gone if group == "all"}
        return dating_only(definitions, found)

    # What is counted from other KPIs' cells comes last.
    ordered = sorted(definitions, key=lambda definition: definition.body.population == "kpi_status")
    for definition in ordered:
        if definition.problem is not None:
            continue
        months = _months(connection, definition, computed.get(definition.key), marks, now_us, anew, zone)
        if definition.body.population == "kpi_status" and (updates or marks):
            months = None
        if months is not None and not months:
            continue
        count = counting.count(
            connection,
            definition.body,
            now_us,
            zone,
            months=months,
            definitions=definitions,
            valued=valued,
        )
        updates.append(_update(connection, definition, months, count))
    return updates


def dating_only(definitions: Definitions, found: dict[tuple[str, int], set[str]]) -> dict[tuple[str, int], set[str]]:
    """Only the periods that tell how fresh a KPI is."""
    kept: dict[tuple[str, int], set[str]] = {}
    for key, periods in found.items():
        definition = definitions.get(*key)
        if definition is not None:
            kept[key] = {period for period in periods if counting.dating(definition.body, period)}
    return kept


def _months(
    connection: Connection,
    definition: Definition,
    computed: Any,
    marks: set[Mark],
    now_us: int,
    anew: bool,
    zone: str,
) -> set[str] | None:
    """The months (or, of what belongs to one period as it is, the periods) to count again; None for all."""
    if anew or computed is None or computed.fingerprint != definition.fingerprint:
        return None
    body = definition.body
    months = counting.affected_months(body, marks, now_us, zone)
    if months is None or not counting.clock_dependent(body):
        return months
    if now_us < computed.as_of_us:
        return None
    if computed.next_change_us is not None and computed.next_change_us <= now_us:
        expired = stored.expired_months(connection, definition.key, now_us)
        expired |= counting.places_due(body, computed.as_of_us, now_us, zone)
        return months | expired if expired else None
    return months


def _update(connection: Connection, definition: Definition, months: set[str] | None, count: counting.Count) -> Update:
    key, body = definition.key, definition.body
    kept: dict[Place, Partial] = {}
    changes: list[int] = list(count.next_change_us.values())
    periods: set[str] | None = None
    if months is not None:
        kept = {p: part for p, part in stored.partials(connection, key).items() if p[0] not in months}
        periods = {period for month in months for period in periods_of(body, month)}
        others = select(PARTIALS.c.month, PARTIALS.c.next_change_us).where(
            PARTIALS.c.kpi == key[0], PARTIALS.c.version == key[1], PARTIALS.c.next_change_us.is_not(None)
        )
        changes += [row.next_change_us for row in connection.execute(others) if row.month not in months]
    if count.whole_next_us is not None:
        changes.append(count.whole_next_us)
    figures = cell_figures(body, [*kept.items(), *count.partials.items()], periods)
    query = select(CELLS).where(CELLS.c.kpi == key[0], CELLS.c.version == key[1])
    if periods is not None:
        query = query.where(CELLS.c.period.in_(sorted(periods)))
    before = {(row["period"], row["grp"]): dict(row) for row in connection.execute(query).mappings()}
    changed = {
        cell: found for cell, found in figures.items() if before.get(cell) != stored.figures_row(key, cell, found)
    }
    gone = [cell for cell in before if cell not in figures]
    return Update(definition, months, count, changed, gone, min(changes, default=None))


def _drop(connection: Connection, key: tuple[str, int]) -> None:
    for table in (PARTIALS, CELLS, COMPUTED):
        connection.execute(delete(table).where(table.c.kpi == key[0], table.c.version == key[1]))


def _write(connection: Connection, update: Update, now_us: int) -> None:
    key = update.definition.key
    stale = delete(PARTIALS).where(PARTIALS.c.kpi == key[0], PARTIALS.c.version == key[1])
    if update.months is not None:
        stale = stale.where(PARTIALS.c.month.in_(sorted(update.months)))
    connection.execute(stale)
    rows = stored.partial_rows(key, update.count.partials, update.count.next_change_us)
    statements.insert_rows(connection, PARTIALS, (tuple(row[column.name] for column in PARTIALS.c) for row in rows))
    # One round trip a run of cells and not one a cell: nobody else writes meanwhile.
    statements.write_rows(connection, _GONE, [(*key, *cell) for cell in update.gone])
    cells = [stored.figures_row(key, cell, figures) for cell, figures in update.changed.items()]
    statements.write_rows(connection, _CHANGED, [tuple(row[column.name] for column in CELLS.c) for row in cells])
    connection.execute(delete(COMPUTED).where(COMPUTED.c.kpi == key[0], COMPUTED.c.version == key[1]))
    connection.execute(
        COMPUTED.insert(),
        {
            "kpi": key[0],
            "version": key[1],
            "fingerprint": update.definition.fingerprint,
            "as_of_us": now_us,
            "next_change_us": update.next_change_us,
        },
    )
