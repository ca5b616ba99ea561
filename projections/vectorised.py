"""The rebuild: the same declarations as the incremental fold, executed over whole columns of the log.

Here because rebuilding must be cheap enough to be the answer to every change of a declaration: rows, their
events and the winners of their slots are found with numpy over typed columns, each body is read once, of a
payload only what fills columns is decoded, and rows are written in bulk.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from projections import statements
from projections.columns import MARK, Columns, Decoder, attribute, supersession
from projections.merges import (
    SEPARATOR,
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

EVENTS_AT_ONCE = 40_000
"""The stretch of the log whose rows are built and written together: bounds the memory of decoded events."""

CORRECTIONS = ("record.corrected", "record.voided")
"""Types that name what they supersede in their data."""

SupersededRow = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A model's events grouped by row; rows are numbered in the order in which the log first speaks of them.

    ``positions`` are sorted by row, then by place in the log; those of row ``r`` are
    ``positions[starts[r] : starts[r + 1]]``. ``firsts`` is where each row is first spoken of.
    """

    model: Model
    decoders: list[Decoder]
    keys: list[str]
    positions: Ints
    starts: Ints
    firsts: Ints


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some consecutive rows of a plan with their events: ``rows`` counts from 0 and never decreases."""

    plan: _Plan
    keys: list[str]
    rows: Ints
    positions: Ints
    codes: Ints
    times: Ints
    events: list[Any]


class Rebuild:
    """One rebuild of some models from one run of the log into empty tables."""

    def __init__(self, columns: Columns, zone: str, progress: Callable[[int], None]) -> None:
        self._columns = columns
        self._zone = zone
        self._progress = progress
        self._read = np.zeros(len(columns), dtype=bool)
        self._excluded: set[tuple[str, str]] = set()
        self.superseded: set[SupersededRow] = set()

    def run(self, connection: Connection, models: Sequence[Model]) -> None:
        """Writes every row of the models. Their tables must be empty."""
        with _no_cycle_collection():
            self._run(connection, models)

    def _run(self, connection: Connection, models: Sequence[Model]) -> None:
        self._exclude_superseded()
        plans = [plan for model in models for plan in self._plan(model)]
        for start in range(0, len(self._columns), EVENTS_AT_ONCE):
            chosen = []
            for plan in plans:
                first, end = np.searchsorted(plan.firsts, (start, start + EVENTS_AT_ONCE))
                if end > first:
                    chosen.append((plan, int(first), int(end)))
            bodies = self._bodies([_events_of(*rows) for rows in chosen])
            for plan, first, end in chosen:
                self._write(connection, self._stretch(plan, first, end, bodies))
            self._progress(min(EVENTS_AT_ONCE, len(self._columns) - start))
        self._look_at_the_rest()

    def late_targets(self) -> list[tuple[str, str]]:
        """The superseded identities that were folded before they were known to be superseded."""
        return sorted({(row[0], row[1]) for row in self.superseded} - self._excluded)

    # What is superseded

    def _exclude_superseded(self) -> None:
        """Leaves out what record events name, before anything is folded: the common case is cheapest so.

        Events that an ordinary event replaces are only found when bodies are read; see ``late_targets``.
        """
        columns = self._columns
        corrections = columns.of_types(CORRECTIONS)
        for position, body in columns.bodies(corrections):
            event = supersession(body)
            self._note(position, event, event.data.get("supersedes"))
        self._read[corrections] = True
        self._excluded = {(row[0], row[1]) for row in self.superseded}
        for chunk in statements.chunks(sorted(self._excluded)):
            for target in columns.reader.by_identity(chunk, columns.upto):
                if target.kind == "statement":
                    columns.live[columns.position(target.log_index)] = False

    def _look_at_the_rest(self) -> None:
        """Looks for superseding events among those no model had to read."""
        for position, body in self._columns.bodies(np.flatnonzero(~self._read)):
            if MARK in body:
                event = supersession(body)
                self._note(position, event, event.supersedes)

    def _note(self, position: int, event: Any, target: str | None) -> None:
        if target is not None:
            known_at = int(self._columns.hot.recorded_at_us[position])
            self.superseded.add((event.source, target, event.source, event.id, known_at))

    # Which events make which rows

    def _plan(self, model: Model) -> Iterator[_Plan]:
        columns = self._columns
        positions = columns.of_types(model.types)
        if len(positions) == 0:
            return
        decoders = columns.decoders(model)
        if isinstance(model.key, SubjectKey):
            numbers = columns.hot.subject_id[positions]
        else:
            texts, numbers = self._data_keys(model.key, decoders, positions)
        # The first place of each key: written backwards, so that the first one stands.
        first_of = np.full(int(numbers.max()) + 1, -1, dtype=np.int64)
        first_of[numbers[::-1]] = positions[::-1]
        present = np.flatnonzero(first_of >= 0)
        by_age = present[np.argsort(first_of[present], kind="stable")]
        row_of = np.empty(len(first_of), dtype=np.int64)
        row_of[by_age] = np.arange(len(by_age))
        rows = row_of[numbers]
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(by_age)))))
        if isinstance(model.key, SubjectKey):
            prefix, names = model.key.prefix, columns.names
            keys = [names[number].removeprefix(prefix) for number in by_age.tolist()]
        else:
            keys = [texts[number] for number in by_age.tolist()]
        self._read[positions] = True
        yield _Plan(model, decoders, keys, positions[order], starts, first_of[by_age])

    def _data_keys(self, key: DataKey, decoders: list[Decoder], positions: Ints) -> tuple[list[str], Ints]:
        """The distinct keys taken from payloads, and for each event the number of its key."""
        columns = self._columns
        known: dict[str, int] = {}
        numbers = np.empty(len(positions), dtype=np.int64)
        for index, (position, body) in enumerate(columns.bodies(positions)):
            data = decoders[columns.codes[position]](body).data
            text = key.separator.join(str(getattr(data, attribute(name))) for name in key.fields)
            numbers[index] = known.setdefault(text, len(known))
        return list(known), numbers

    def _bodies(self, wanted: list[Ints]) -> dict[int, bytes]:
        """log_index -> body of some events."""
        if not wanted:
            return {}
        columns = self._columns
        return dict(columns.reader.bodies(columns.hot.log_index[np.unique(np.concatenate(wanted))]))

    def _stretch(self, plan: _Plan, first: int, end: int, bodies: dict[int, bytes]) -> _Stretch:
        columns = self._columns
        positions = _events_of(plan, first, end)
        sizes = np.diff(plan.starts[first : end + 1])
        codes = columns.codes[positions]
        decoders = plan.decoders
        found = zip(codes.tolist(), columns.hot.log_index[positions].tolist(), strict=True)
        events = [decoders[code](bodies[log_index]) for code, log_index in found]
        for index, event in enumerate(events):
            if event.supersedes is not None:
                self._note(int(positions[index]), event, event.supersedes)
        return _Stretch(
            plan,
            plan.keys[first:end],
            np.repeat(np.arange(end - first), sizes),
            positions,
            codes,
            columns.hot.time_us[positions],
            events,
        )

    # Rows

    def _write(self, connection: Connection, stretch: _Stretch) -> None:
        """Builds and writes the rows of a stretch."""
        model = stretch.plan.model
        table: dict[str, list[Any]] = {name: [None] * len(stretch.keys) for name in model.column_names}
        table[model.key_column] = stretch.keys
        for slot in model.slots:
            self._fill(table, slot, stretch)
        for collect in model.collects:
            table[collect.column] = self._collect(collect, stretch)
        for derived in model.derived:
            function = partial(derived.function, self._zone) if derived.zoned else derived.function
            table[derived.column] = list(map(function, *(table[name] for name in derived.inputs)))
        written = list(zip(*table.values(), strict=True))
        if any(slot.where is not None for slot in model.slots):
            written = [row for row, live in zip(written, _live(model, table), strict=True) if live]
        # Keys that senders number in order are then appended to the table rather than scattered over it.
        written.sort(key=itemgetter(0))
        statements.write_rows(connection, statements.insert(TABLES[model.name]), written)
        if model.expansion is not None:
            names, expand = model.column_names, model.expansion.function
            following = [row for parent in written for row in expand(dict(zip(names, parent, strict=True)), self._zone)]
            sql = statements.insert(EXPANSIONS[model.expansion.table])
            statements.write_rows(connection, sql, following)

    def _fill(self, table: dict[str, list[Any]], slot: Slot, stretch: _Stretch) -> None:
        """Finds who wins a slot in each row and puts what it fills into the columns."""
        columns, events = self._columns, stretch.events
        candidates = columns.indexes_of_types(slot.types, stretch.codes)
        if slot.where is not None:
            admits, read = slot.where.admits, _reader(slot.where.path.split("."))
            admitted = [index for index in candidates.tolist() if admits(read(events[index]))]
            candidates = np.array(admitted, dtype=np.int64)
        if len(candidates) == 0:
            return

        def identities(indexes: Ints) -> list[str]:
            tied = (events[index] for index in candidates[indexes].tolist())
            return [identity(event.source, event.id) for event in tied]

        best = candidates[
            winners(
                stretch.rows[candidates],
                stretch.times[candidates],
                first=slot.pick == "first",
                identities=identities,
            )
        ]
        rows = stretch.rows[best].tolist()
        chosen = [events[index] for index in best.tolist()]
        # Winners come in ascending order of rows, so where there are as many as rows, each row has one.
        whole = len(rows) == len(stretch.keys)

        def put(column: str, values: list[Any]) -> None:
            if whole:
                table[column] = values
                return
            target = table[column]
            for row, value in zip(rows, values, strict=True):
                target[row] = value

        put(slot.identity_column, [event.source + SEPARATOR + event.id for event in chosen])
        put(slot.time_column, columns.times(stretch.positions[best]))
        for fill in slot.fills:
            if fill.origin == "agency":
                put(fill.column, columns.agencies(stretch.positions[best]))
            elif fill.origin == "won":
                put(fill.column, [1] * len(rows))
            elif fill.origin == "data":
                put(fill.column, _values(fill, chosen))

    def _collect(self, collect: Collect, stretch: _Stretch) -> list[str | None]:
        """A collection's column over all rows of a stretch."""
        columns = self._columns
        indexes = columns.indexes_of_types(collect.types, stretch.codes)
        positions = stretch.positions[indexes]
        members: list[dict[tuple[str, str], dict[str, Any]]] = [{} for _ in stretch.keys]
        for index, row, time, agency in zip(
            indexes.tolist(),
            stretch.rows[indexes].tolist(),
            columns.times(positions),
            columns.agencies(positions),
            strict=True,
        ):
            event = stretch.events[index]
            data = {name: getattr(event.data, attribute(name)) for name in collect.fields}
            element = collected(collect.fields, event.source, event.id, time, agency, data)
            members[row][event.source, event.id] = element
        return [collection_text(found) if found else None for found in members]


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Millions of small objects come and go and none is in a cycle: looking for cycles would cost a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _events_of(plan: _Plan, first: int, end: int) -> Ints:
    """The positions of the events of consecutive rows, by row and then by place in the log."""
    return plan.positions[plan.starts[first] : plan.starts[end]]


def _live(model: Model, table: dict[str, list[Any]]) -> list[bool]:
    """For each row whether any event has a part in it: a filter may have left it without one."""
    marks = [table[slot.identity_column] for slot in model.slots]
    marks += [table[collect.column] for collect in model.collects]
    return [any(value is not None for value in row) for row in zip(*marks, strict=True)]


def _reader(path: Sequence[str]) -> Callable[[Any], Any]:
    """Takes the payload value at a path from a decoded event."""
    first = attrgetter(f"data.{attribute(path[0])}")
    rest = tuple(path[1:])
    return first if not rest else lambda event: look_up(first(event) or {}, rest)


def _values(fill: Fill, events: list[Any]) -> list[Any]:
    values = map(_reader(fill.path), events)
    return [json_text(value) for value in values] if fill.kind == "json" else list(values)
