"""The rebuild: the same declarations as the incremental fold, executed over whole columns of the log.

Here because rebuilding must be cheap enough to be the answer to every change of a declaration: winners are
found with numpy over typed columns, payloads are decoded only for winners, and rows are written in bulk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from projections import statements
from projections.columns import MARK, Columns, Decoder, attribute, supersession
from projections.merges import (
    Collect,
    DataKey,
    Fill,
    Model,
    Slot,
    SubjectKey,
    identity,
    json_text,
    look_up,
)
from projections.sheet import collected, collection_text
from projections.tables import EXPANSIONS, TABLES
from projections.winners import Ints, winners

ROWS_AT_ONCE = 20_000
"""Rows built and written together: bounds the memory of decoded events."""

CORRECTIONS = ("record.corrected", "record.voided")
"""Types that name what they supersede in their data."""

SupersededRow = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class _Won:
    """A slot's winners: ``rows`` ascending and, for each, the position of its event."""

    slot: Slot
    rows: Ints
    positions: Ints


class Rebuild:
    """One rebuild of some models from one run of the log into empty tables."""

    def __init__(self, columns: Columns, zone: str, progress: Callable[[int], None]) -> None:
        self._columns = columns
        self._zone = zone
        self._progress = progress
        self._read = np.zeros(len(columns), dtype=bool)
        self._excluded: set[tuple[str, str]] = set()
        self.superseded: list[SupersededRow] = []

    def model(self, connection: Connection, model: Model) -> None:
        """Writes every row of one model. Its table must be empty."""
        columns = self._columns
        positions = columns.of_types(model.types)
        if len(positions) == 0:
            return
        decoders = columns.decoders(model)
        keys, rows = self._keys(model, decoders, positions)
        won = [self._winners(slot, decoders, positions, rows) for slot in model.slots]
        collecting = [
            (collect, rows[found], positions[found])
            for collect in model.collects
            for found in [columns.of_types(collect.types, within=positions)]
        ]
        # Rows in the order in which the log first speaks of them: their events lie near each other, and
        # keys that senders number in order are appended to the table rather than scattered over it.
        _, firsts = np.unique(rows, return_index=True)
        by_age = np.argsort(positions[firsts], kind="stable")
        for start in range(0, len(by_age), ROWS_AT_ONCE):
            chunk = np.sort(by_age[start : start + ROWS_AT_ONCE])
            self._chunk(connection, model, decoders, keys, chunk, won, collecting)
            self._progress(int(len(positions) * len(chunk) / len(by_age)))

    def exclude_superseded(self) -> None:
        """Leaves out what record events name, before anything is folded: the common case is cheapest so.

        Events that an ordinary event replaces are only found when bodies are read; see ``late_targets``.
        """
        columns = self._columns
        corrections = columns.of_types(CORRECTIONS)
        for position, body in columns.bodies(corrections):
            event = supersession(body)
            self._note(position, event, event.data.get("supersedes"))
        self._read[corrections] = True
        targets = {(row[0], row[1]) for row in self.superseded}
        self._excluded = targets
        for chunk in statements.chunks(sorted(targets)):
            for target in columns.reader.by_identity(chunk, columns.upto):
                if target.kind == "statement":
                    columns.live[columns.position(target.log_index)] = False

    def late_targets(self) -> list[tuple[str, str]]:
        """The superseded identities that were folded before they were known to be superseded."""
        return sorted({(row[0], row[1]) for row in self.superseded} - self._excluded)

    def leftovers(self) -> None:
        """Looks for superseding events among those no model had to read."""
        for position, body in self._columns.bodies(np.flatnonzero(~self._read)):
            if MARK in body:
                event = supersession(body)
                self._note(position, event, event.supersedes)

    def _note(self, position: int, event: Any, target: str | None) -> None:
        if target is not None:
            known_at = int(self._columns.hot.recorded_at_us[position])
            self.superseded.append((event.source, target, event.source, event.id, known_at))

    def _keys(self, model: Model, decoders: list[Decoder], positions: Ints) -> tuple[list[str], Ints]:
        """The keys of the model's rows, and for each event the number of its row."""
        columns = self._columns
        if isinstance(model.key, SubjectKey):
            subjects, rows = np.unique(columns.hot.subject_id[positions], return_inverse=True)
            prefix, names = model.key.prefix, columns.names
            return [names[number].removeprefix(prefix) for number in subjects.tolist()], rows
        numbers: dict[str, int] = {}
        rows = np.empty(len(positions), dtype=np.int64)
        for index, (position, body) in enumerate(columns.bodies(positions)):
            event = decoders[columns.codes[position]](body)
            rows[index] = numbers.setdefault(_data_key(model.key, event.data), len(numbers))
        return list(numbers), rows

    def _winners(self, slot: Slot, decoders: list[Decoder], positions: Ints, rows: Ints) -> _Won:
        columns = self._columns
        found = columns.of_types(slot.types, within=positions)
        if slot.where is not None:
            found = found[self._matching(slot, decoders, positions[found])]
        candidates, about = positions[found], rows[found]
        best = winners(
            about,
            columns.hot.time_us[candidates],
            first=slot.pick == "first",
            identities=lambda ties: columns.identities(candidates[ties]),
        )
        return _Won(slot, about[best], candidates[best])

    def _matching(self, slot: Slot, decoders: list[Decoder], positions: Ints) -> Ints:
        """The indexes of the events that a slot's filter lets through."""
        assert slot.where is not None
        columns, admits = self._columns, slot.where.admits
        read = _reader(slot.where.path.split("."))
        passed = [
            index
            for index, (position, body) in enumerate(columns.bodies(positions))
            if admits(read(decoders[columns.codes[position]](body)))
        ]
        return np.array(passed, dtype=np.int64)

    def _chunk(
        self,
        connection: Connection,
        model: Model,
        decoders: list[Decoder],
        keys: list[str],
        chunk: Ints,
        won: Sequence[_Won],
        collecting: Sequence[tuple[Collect, Ints, Ints]],
    ) -> None:
        """Builds and writes the rows whose numbers are in ``chunk`` (ascending)."""
        size = len(chunk)
        place = np.full(len(keys), -1, dtype=np.int64)
        place[chunk] = np.arange(size)
        parts = [(w.slot, *_within(place, w.rows, w.positions)) for w in won]
        gathered = [(c, *_within(place, r, p)) for c, r, p in collecting]
        needed = np.unique(np.concatenate([p[2] for p in (*parts, *gathered)]))
        events = self._decode(decoders, needed)
        table: dict[str, list[Any]] = {name: [None] * size for name in model.column_names}
        table[model.key_column] = [keys[number] for number in chunk.tolist()]
        for slot, rows, positions in parts:
            chosen = [events[index] for index in np.searchsorted(needed, positions).tolist()]
            self._fill(table, slot, rows, positions, chosen)
        for collect, rows, positions in gathered:
            chosen = [events[index] for index in np.searchsorted(needed, positions).tolist()]
            table[collect.column] = self._collect(collect, size, rows, positions, chosen)
        for derived in model.derived:
            function = partial(derived.function, self._zone) if derived.zoned else derived.function
            table[derived.column] = list(map(function, *(table[name] for name in derived.inputs)))
        written = list(zip(*table.values(), strict=True))
        if any(slot.where is not None for slot in model.slots):
            written = [row for row, live in zip(written, _live(model, table), strict=True) if live]
        written.sort(key=lambda row: str(row[0]))
        statements.write_rows(connection, statements.insert(TABLES[model.name]), written)
        if model.expansion is not None:
            names, expand = model.column_names, model.expansion.function
            following = [
                row for parent in written for row in expand(dict(zip(names, parent, strict=True)), self._zone)
            ]
            sql = statements.insert(EXPANSIONS[model.expansion.table])
            statements.write_rows(connection, sql, following)

    def _decode(self, decoders: list[Decoder], positions: Ints) -> list[Any]:
        """The events at some positions (ascending), decoded for one model."""
        by_code = self._columns.codes[positions].tolist()
        events = [
            decoders[code](body)
            for code, (_, body) in zip(by_code, self._columns.bodies(positions), strict=True)
        ]
        fresh = ~self._read[positions]
        self._read[positions] = True
        for index, event in enumerate(events):
            if event.supersedes is not None and fresh[index]:
                self._note(int(positions[index]), event, event.supersedes)
        return events

    def _fill(
        self, table: dict[str, list[Any]], slot: Slot, rows: Ints, positions: Ints, events: list[Any]
    ) -> None:
        """Puts what a slot fills into the columns, at the rows it was won in."""
        columns = self._columns
        at = rows.tolist()
        whole = at == list(range(len(table[slot.identity_column])))

        def put(column: str, values: list[Any]) -> None:
            if whole:
                table[column] = values
                return
            target = table[column]
            for index, value in zip(at, values, strict=True):
                target[index] = value

        put(slot.identity_column, [identity(event.source, event.id) for event in events])
        put(slot.time_column, columns.times(positions))
        for fill in slot.fills:
            if fill.origin == "agency":
                names = columns.names
                put(fill.column, [names[number] for number in columns.hot.agency_id[positions].tolist()])
            elif fill.origin == "won":
                put(fill.column, [1] * len(at))
            elif fill.origin == "data":
                put(fill.column, _values(fill, events))

    def _collect(
        self, collect: Collect, size: int, rows: Ints, positions: Ints, events: list[Any]
    ) -> list[str | None]:
        """A collection's column over all rows of a chunk."""
        columns = self._columns
        members: list[dict[tuple[str, str], dict[str, Any]]] = [{} for _ in range(size)]
        agencies = columns.hot.agency_id[positions].tolist()
        for row, time, agency, event in zip(
            rows.tolist(), columns.times(positions), agencies, events, strict=True
        ):
            data = {name: getattr(event.data, attribute(name)) for name in collect.fields}
            members[row][event.source, event.id] = collected(
                collect.fields, event.source, event.id, time, columns.names[agency], data
            )
        return [collection_text(found) if found else None for found in members]


def _within(place: Ints, rows: Ints, positions: Ints) -> tuple[Ints, Ints]:
    """Those (row, position) pairs whose row is in the chunk, the row as its place in it."""
    local = place[rows]
    kept = local >= 0
    return local[kept], positions[kept]


def _live(model: Model, table: dict[str, list[Any]]) -> list[bool]:
    """For each row whether any event has a part in it: a filter may have left it without one."""
    marks = [table[slot.identity_column] for slot in model.slots]
    marks += [table[collect.column] for collect in model.collects]
    return [any(value is not None for value in row) for row in zip(*marks, strict=True)]


def _data_key(key: DataKey, data: Any) -> str:
    return key.separator.join(str(getattr(data, attribute(name))) for name in key.fields)


def _reader(path: Sequence[str]) -> Callable[[Any], Any]:
    """Takes the payload value at a path from a decoded event."""
    first = attrgetter(f"data.{attribute(path[0])}")
    rest = tuple(path[1:])
    return first if not rest else lambda event: look_up(first(event) or {}, rest)


def _values(fill: Fill, events: list[Any]) -> list[Any]:
    values = map(_reader(fill.path), events)
    return [json_text(value) for value in values] if fill.kind == "json" else list(values)
