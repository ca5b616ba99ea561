"""The incremental fold: events into rows, a batch at a time.

Here because a view that follows the log must cost as much as the batch, not as much as the table: it loads
the rows the batch is about, merges in Python, and writes back those that changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from contracts.recorded import Recorded
from projections import statements
from projections.merges import Expansion, Model, SubjectKey
from projections.sheet import Sheet
from projections.tables import EXPANSIONS, TABLES, UNDATED

Dirty = set[tuple[str, str]]
"""(table, month) of every row that changed, before and after."""


class Fold:
    """Folds events into the tables of some models, in the time zone of the partnership."""

    def __init__(self, models: Sequence[Model], zone: str) -> None:
        self._zone = zone
        self._sheets = [Sheet(model) for model in models]
        self._by_type: dict[str, list[Sheet]] = defaultdict(list)
        for sheet in self._sheets:
            for name in sheet.model.types:
                self._by_type[name].append(sheet)
        self._upserts = {model.name: statements.upsert(TABLES[model.name]) for model in models}

    def fold(self, connection: Connection, events: Iterable[Recorded]) -> Dirty:
        """Merges live events into the rows they are about. Any order, any repetition."""
        work: dict[str, dict[str, list[Recorded]]] = defaultdict(lambda: defaultdict(list))
        by_type = self._by_type
        for event in events:
            for sheet in by_type.get(event.type, ()):
                work[sheet.model.name][sheet.key(event)].append(event)
        dirty: Dirty = set()
        for sheet in self._sheets:
            if keys := work.get(sheet.model.name):
                self._merge(connection, sheet, keys, dirty, from_nothing=False)
        return dirty

    def refold(self, connection: Connection, subjects: Iterable[str], events: Iterable[Recorded]) -> Dirty:
        """Makes the rows about ``subjects`` again from ``events``: all live events about them, and no others.

        A row that no live event is about is deleted.
        """
        about: dict[str, list[Recorded]] = {subject: [] for subject in subjects}
        for event in events:
            about[event.subject].append(event)
        dirty: Dirty = set()
        for sheet in self._sheets:
            if not isinstance(sheet.model.key, SubjectKey):
                continue
            prefix, types = sheet.model.key.prefix, sheet.model.types
            keys = {
                subject.removeprefix(prefix): [e for e in found if e.type in types]
                for subject, found in about.items()
                if subject.startswith(prefix)
            }
            if keys:
                self._merge(connection, sheet, keys, dirty, from_nothing=True)
        return dirty

    def _merge(
        self,
        connection: Connection,
        sheet: Sheet,
        keys: dict[str, list[Recorded]],
        dirty: Dirty,
        *,
        from_nothing: bool,
    ) -> None:
        model, month = sheet.model, sheet.month
        table = TABLES[model.name]
        kept = {row[0]: row for row in statements.rows_where(connection, table, model.key_column, keys)}
        written: list[tuple[Any, ...]] = []
        deleted: list[str] = []
        changed: list[tuple[str, tuple[Any, ...] | None]] = []
        for key, events in keys.items():
            before = kept.get(key)
            row = sheet.blank(key) if before is None or from_nothing else list(before)
            for event in events:
                sheet.absorb(row, event)
            live = sheet.is_live(row)
            if live:
                sheet.finish(row, self._zone)
            after = tuple(row) if live else None
            if (None if before is None else tuple(before)) == after:
                continue
            if after is not None:
                written.append(after)
            else:
                deleted.append(key)
            changed.append((key, after))
            for version in (before, after):
                if version is not None:
                    dirty.add((model.name, UNDATED if month is None else version[month] or UNDATED))
        statements.write_rows(connection, self._upserts[model.name], written)
        statements.delete_where(connection, table, model.key_column, deleted)
        if model.expansion is not None and changed:
            self._expand(connection, sheet, model.expansion, changed, dirty)

    def _expand(
        self,
        connection: Connection,
        sheet: Sheet,
        expansion: Expansion,
        changed: Sequence[tuple[str, tuple[Any, ...] | None]],
        dirty: Dirty,
    ) -> None:
        """Replaces the rows that follow from changed parents."""
        table = EXPANSIONS[expansion.table]
        names = sheet.model.column_names
        parents = [key for key, _ in changed]
        names_of_rows = [name for name, _ in expansion.columns]
        month = names_of_rows.index("month") if "month" in names_of_rows else None
        before = {tuple(row) for row in statements.rows_where(connection, table, expansion.parent, parents)}
        after = [
            row
            for _, parent in changed
            if parent is not None
            for row in expansion.function(dict(zip(names, parent, strict=True)), self._zone)
        ]
        statements.delete_where(connection, table, expansion.parent, parents)
        statements.write_rows(connection, statements.insert(table), after)
        dirty.update(
            (expansion.table, UNDATED if month is None else row[month] or UNDATED) for row in before ^ set(after)
        )
