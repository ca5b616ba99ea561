"""The rows of a stretch of the log, column by column: slots, collections and derived columns, and their writing.

Here so that the rebuild finds who wins a slot and this puts what was won where it belongs, over whole columns
at a time; what a column means is said by the declaration alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import lt
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from contracts.ports import NO_TIME
from projections import dialect, statements
from projections.columns import Columns, Objects, Values, objects
from projections.derived_columns import derive, is_null, listed
from projections.merges import Collect, Expansion, Kind, Model, Slot, split_identity
from projections.payloads import Payloads, attribute, reader, values
from projections.sheet import collected, collection_text
from projections.tables import EXPANSIONS, TABLES
from projections.winners import Ints, winners

STATEMENT_ROWS = 64
"""The fewest rows alike that are written by a statement of their own."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of a model with their events: ``rows`` counts from 0 and never decreases.

    ``rows``, ``positions``, ``codes``, ``times`` and ``identities`` have one element an event.
    """

    model: Model
    keys: list[str]
    rows: Ints
    positions: Ints
    codes: Ints
    times: Ints
    identities: Objects

    def winners(self, slot: Slot, candidates: Ints) -> Ints:
        """Which of some of its events, given by index, win a slot; ascending by row."""
        best = winners(
            self.rows[candidates],
            self.times[candidates],
            first=slot.pick == "first",
            identities=lambda indexes: self.identities[candidates[indexes]].tolist(),
        )
        return candidates[best]


class Filling:
    """The columns of a stretch as they are filled. A column that nothing has filled is NULL throughout."""

    def __init__(self, columns: Columns, stretch: Stretch, zone: str) -> None:
        """Finds the winners of all slots that can be decided without a payload."""
        self._columns = columns
        self._stretch = stretch
        self._zone = zone
        self._size = len(stretch.keys)
        self._filled: dict[str, Values] = {}
        self._live = np.zeros(self._size, dtype=bool)
        # A bit for each slot that some rows have and others have not.
        self._having = np.zeros(self._size, dtype=np.int64)
        model = stretch.model
        self._candidates = [columns.indexes_of_types(slot.types, stretch.codes) for slot in model.slots]
        self._won = [
            stretch.winners(slot, candidates) if slot.where is None else None
            for slot, candidates in zip(model.slots, self._candidates, strict=True)
        ]
        self._members = [columns.indexes_of_types(collect.types, stretch.codes) for collect in model.collects]

    def wanted(self) -> list[Ints]:
        """The positions of the events whose payloads it takes to fill the rest."""
        model, positions = self._stretch.model, self._stretch.positions
        found = []
        for slot, candidates, won in zip(model.slots, self._candidates, self._won, strict=True):
            if won is None:
                found.append(positions[candidates])
            elif any(fill.origin == "data" for fill in slot.fills):
                found.append(positions[won])
        for collect, members in zip(model.collects, self._members, strict=True):
            if collect.fields:
                found.append(positions[members])
        return found

    def fill(self, payloads: Payloads) -> None:
        """Fills every column."""
        model, stretch = self._stretch.model, self._stretch
        for slot, candidates, won in zip(model.slots, self._candidates, self._won, strict=True):
            found = won
            if slot.where is not None:
                admits, read = slot.where.admits, reader(slot.where.path.split("."))
                admitted = [admits(read(data)) for data in payloads.at(stretch.positions[candidates])]
                found = stretch.winners(slot, candidates[np.array(admitted, dtype=bool)])
            if found is not None and len(found):
                self._fill(slot, found, payloads)
        for collect, members in zip(model.collects, self._members, strict=True):
            if len(members):
                self._collect(collect, members, payloads)
        for derived in model.derived:
            inputs = [self._filled.get(name) for name in derived.inputs]
            made = derive(derived, inputs, self._size, self._zone)
            if made is not None:
                self._filled[derived.column] = made

    def _fill(self, slot: Slot, won: Ints, payloads: Payloads) -> None:
        """Puts what a slot fills from the events that won it into the columns."""
        stretch = self._stretch
        rows, positions = stretch.rows[won], stretch.positions[won]
        self._live[rows] = True
        # Winners come in ascending order of rows, so where there are as many as rows, each row has one.
        whole = len(rows) == self._size
        if not whole:
            self._having[rows] |= 1 << stretch.model.slots.index(slot)

        def put(column: str, found: Values) -> None:
            if whole:
                self._filled[column] = found
                return
            blank = None if found.dtype == object else NO_TIME
            target: Values = np.full(self._size, blank, dtype=found.dtype)  # type: ignore[assignment]
            target[rows] = found
            self._filled[column] = target

        put(slot.identity_column, stretch.identities[won])
        put(slot.time_column, stretch.times[won])
        data = payloads.at(positions) if any(fill.origin == "data" for fill in slot.fills) else []
        for fill in slot.fills:
            if fill.origin == "agency":
                put(fill.column, self._columns.agencies(positions))
            elif fill.origin == "won":
                put(fill.column, np.ones(len(rows), dtype=np.int64))
            elif fill.origin == "verb":
                put(fill.column, self._columns.verbs(stretch.codes[won]))
            elif fill.origin == "data":
                found = values(fill, data)
                # Most optional fields are left out by everyone; what nobody filled stays a column of NULL.
                if found.count(None) < len(found):
                    put(fill.column, objects(found, len(rows)))

    def _collect(self, collect: Collect, members: Ints, payloads: Payloads) -> None:
        """Gathers a collection's column over all rows."""
        stretch, positions = self._stretch, self._stretch.positions[members]
        self._live[stretch.rows[members]] = True
        gathered: dict[int, dict[tuple[str, str], dict[str, Any]]] = {}
        for row, by, time, agency, data in zip(
            stretch.rows[members].tolist(),
            stretch.identities[members].tolist(),
            listed(stretch.times[members], len(members)),
            self._columns.agencies(positions).tolist(),
            payloads.at(positions) if collect.fields else [None] * len(members),
            strict=True,
        ):
            source, event_id = split_identity(by)
            fields = {name: getattr(data, attribute(name)) for name in collect.fields}
            element = collected(collect.fields, source, event_id, time, agency, fields)
            gathered.setdefault(row, {})[source, event_id] = element
        texts = np.full(self._size, None, dtype=object)
        for row, found in gathered.items():
            texts[row] = collection_text(found)
        self._filled[collect.column] = texts

    def write(self, connection: Connection) -> None:
        """Writes the rows that some event has a part in; a filter may have left some without one."""
        model, keys, filled = self._stretch.model, self._stretch.keys, self._filled
        if self._live.all() and all(map(lt, keys, keys[1:])):
            rows = np.arange(self._size)
        else:
            # Keys that senders number in order are appended to the index rather than scattered over it.
            rows = np.array(sorted(np.flatnonzero(self._live).tolist(), key=keys.__getitem__), dtype=np.int64)
        named = objects(keys, self._size)
        if model.expansion is not None:
            whole = {name: found[rows] for name, found in filled.items()}
            _expand(connection, model, model.expansion, named[rows].tolist(), whole, self._zone)
        order, bounds = _alike(self._having[rows])
        rows = rows[order]
        named, filled = named[rows], {name: found[rows] for name, found in filled.items()}
        for start, end in bounds:
            group = {name: found[start:end] for name, found in filled.items()}
            _write(connection, model, named[start:end].tolist(), group)


def _alike(having: Ints) -> tuple[Ints, list[tuple[int, int]]]:
    """The indexes of rows, those that have the same slots together, and where in them each group starts and ends.

    What none of a group's rows has, or all have alike, is said once in its statement and handed over for none of them;
    handing over is most of what writing costs. A group must be worth a statement of its own: the others are one group.
    """
    patterns, group_of, sizes = np.unique(having, return_inverse=True, return_counts=True)
    groups = np.where(sizes >= STATEMENT_ROWS, np.arange(len(patterns)), len(patterns))[group_of]
    ends = np.cumsum(np.bincount(groups)).tolist()
    return np.argsort(groups, kind="stable"), [(a, b) for a, b in pairwise([0, *ends]) if b > a]


def _write(connection: Connection, model: Model, keys: list[str], filled: dict[str, Values]) -> None:
    """Inserts rows; columns that are NULL throughout are left out."""
    if dialect.of(connection).copies:
        held = [name for name in model.column_names[1:] if name in filled]
        columns = [keys, *(listed(filled[name], len(keys)) for name in held)]
        rows = zip(*columns, strict=True)
        statements.insert_rows(connection, TABLES[model.name], rows, [model.key_column, *held])
        return
    names, marks = [model.key_column], ["?"]
    lists: list[list[Any]] = [keys]
    for name, kind in model.columns[1:]:
        if name in filled:
            mark, values = _bound(filled[name], kind)
            names.append(name)
            marks.append(mark)
            lists += values
    sql = statements.insert(TABLES[model.name], names, marks)
    statements.stream_rows(connection, sql, zip(*lists, strict=True))


def _bound(found: Values, kind: Kind) -> tuple[str, list[list[Any]]]:
    """How a column is handed to the store: its placeholder, and its values unless one text says them all.

    Handing over None costs the driver several times what a number or text costs (it asks each time whether
    somebody adapts it), so NULL goes as NO_TIME and is put back by the statement. Where a payload's number
    could be that number, it goes as None.
    """
    values = found.tolist()
    if found.dtype == object:
        # Counted in the list: an array of objects would compare each of them.
        nulls = values.count(None)
        if nulls == len(values):
            return "NULL", []
        if nulls == 0 or kind not in ("text", "json"):
            return "?", [values]
        return f"nullif(?, {NO_TIME})", [[NO_TIME if value is None else value for value in values]]
    if (found == found[0]).all():
        return ("NULL" if values[0] == NO_TIME else str(values[0])), []
    return (f"nullif(?, {NO_TIME})" if is_null(found).any() else "?"), [values]


def _expand(
    connection: Connection,
    model: Model,
    expansion: Expansion,
    keys: Sequence[str],
    filled: dict[str, Values],
    zone: str,
) -> None:
    """Inserts the rows that follow from rows."""
    names = model.column_names
    lists = [list(keys), *(listed(filled.get(name), len(keys)) for name in names[1:])]
    following = [
        row
        for parent in zip(*lists, strict=True)
        for row in expansion.function(dict(zip(names, parent, strict=True)), zone)
    ]
    statements.insert_rows(connection, EXPANSIONS[expansion.table], following)
