"""A model compiled for folding one event at a time into one row.

Here so that the meaning of a declaration (which event wins a slot, how a collection grows) is written once
in plain Python; ``fold`` brings rows and events together, and ``vectorised`` finds the same winners over
whole columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from contracts.recorded import Recorded
from projections.merges import (
    Fill,
    Model,
    Row,
    Slot,
    SubjectKey,
    Where,
    identity,
    json_text,
    look_up,
    verb_of,
)

Getter = Callable[[Recorded], Any]


def getter(fill: Fill) -> Getter:
    """The function that takes a fill's value from the event that won."""
    if fill.origin == "time":
        return lambda event: event.time_us
    if fill.origin == "agency":
        return lambda event: event.agency
    if fill.origin == "won":
        return lambda event: 1
    if fill.origin == "verb":
        return lambda event: verb_of(event.type)
    path = fill.path
    if fill.kind == "json":
        return lambda event: json_text(look_up(event.data, path))
    if len(path) == 1:
        name = path[0]
        return lambda event: event.data.get(name)
    return lambda event: look_up(event.data, path)


def beats(first: bool, time: int | None, by: str, kept_time: int | None, kept_by: str | None) -> bool:
    """Whether an event takes a slot from the one that holds it, by ``(time, source, id)``.

    An unknown time loses to every known one, in both directions; the same event never beats itself.
    """
    if kept_by is None:
        return True
    if time == kept_time:
        return by < kept_by if first else by > kept_by
    if time is None:
        return False
    if kept_time is None:
        return True
    return time < kept_time if first else time > kept_time


@dataclass(frozen=True, slots=True)
class _SlotStep:
    first: bool
    time_at: int
    event_at: int
    where: tuple[tuple[str, ...], Where] | None
    fills: tuple[tuple[int, Getter], ...]

    def absorb(self, row: Row, event: Recorded) -> None:
        if self.where is not None and not self.where[1].admits(look_up(event.data, self.where[0])):
            return
        by = identity(event.source, event.id)
        if beats(self.first, event.time_us, by, row[self.time_at], row[self.event_at]):
            row[self.time_at] = event.time_us
            row[self.event_at] = by
            for column, get in self.fills:
                row[column] = get(event)


@dataclass(frozen=True, slots=True)
class _CollectStep:
    column: int
    fields: tuple[str, ...]

    def absorb(self, row: Row, event: Recorded) -> None:
        kept = orjson.loads(row[self.column]) if row[self.column] else []
        members = {(member["source"], member["id"]): member for member in kept}
        members[event.source, event.id] = collected(
            self.fields, event.source, event.id, event.time_us, event.agency, event.data
        )
        row[self.column] = collection_text(members)


def collected(
    fields: tuple[str, ...], source: str, id: str, time_us: int | None, agency: str, data: dict[str, Any]
) -> dict[str, Any]:
    """One element of a collection."""
    element = {"source": source, "id": id, "time": time_us, "agency": agency}
    for name in fields:
        element[name] = data.get(name)
    return element


def collection_text(members: dict[tuple[str, str], dict[str, Any]]) -> str | None:
    """A collection's column: its elements ordered by identity."""
    return json_text([members[key] for key in sorted(members)])


class Sheet:
    """A model's rows in Python: how to make, grow and finish one."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.place = {name: index for index, name in enumerate(model.column_names)}
        self._steps: dict[str, list[_SlotStep | _CollectStep]] = defaultdict(list)
        for slot in model.slots:
            for name in slot.types:
                self._steps[name].append(self._slot_step(slot))
        for collect in model.collects:
            for name in collect.types:
                self._steps[name].append(_CollectStep(self.place[collect.column], collect.fields))
        self._derived = [
            (self.place[d.column], d.function, tuple(self.place[name] for name in d.inputs), d.zoned)
            for d in model.derived
        ]
        self._marks = [self.place[slot.identity_column] for slot in model.slots]
        self._marks += [self.place[collect.column] for collect in model.collects]
        month = model.month_column
        self.month = None if month is None else self.place[month]

    def key(self, event: Recorded) -> str:
        """The key of the row that an event is about."""
        key = self.model.key
        if isinstance(key, SubjectKey):
            return event.subject.removeprefix(key.prefix)
        return key.separator.join(str(event.data[name]) for name in key.fields)

    def blank(self, key: str) -> Row:
        """A row that no event has touched."""
        row: Row = [None] * len(self.place)
        row[0] = key
        return row

    def absorb(self, row: Row, event: Recorded) -> None:
        """Merges one event into a row, in any order, any number of times."""
        for step in self._steps[event.type]:
            step.absorb(row, event)

    def finish(self, row: Row, zone: str) -> None:
        """Computes the derived columns."""
        for column, function, inputs, zoned in self._derived:
            values = [row[index] for index in inputs]
            row[column] = function(zone, *values) if zoned else function(*values)

    def is_live(self, row: Row) -> bool:
        """Whether any event has a part in the row."""
        return any(row[index] is not None for index in self._marks)

    def _slot_step(self, slot: Slot) -> _SlotStep:
        where = None if slot.where is None else (tuple(slot.where.path.split(".")), slot.where)
        fills = tuple((self.place[fill.column], getter(fill)) for fill in slot.fills if fill.origin != "time")
        return _SlotStep(
            slot.pick == "first",
            self.place[slot.time_column],
            self.place[slot.identity_column],
            where,
            fills,
        )
