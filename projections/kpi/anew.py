"""Rows made anew from events, by the plainest reading of what a model declares.

Explanations recompute with it: it shares the declarations with the two ways in which read models are kept, and
no code, so a mistake in either of those shows as a number that does not agree. It looks at all events about a
row at once, and fills only the columns that are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from contracts.recorded import Gist
from projections.merges import Collect, Fill, Model, Slot, SubjectKey, Where, identity, json_text, look_up, verb_of
from projections.models import MODELS

Order = tuple[bool, int, str, str]
Row = dict[str, Any]


class Anew:
    """Makes the rows of one table: a model's, or one that follows from a model's rows.

    ``columns`` are those the reader looks at; rows have at least these. Raises ``LookupError`` for a table whose
    rows are not found by subject.
    """

    def __init__(self, table: str, zone: str, columns: Collection[str]) -> None:
        model = next(m for m in MODELS if table in (m.name, m.expansion and m.expansion.table))
        if not isinstance(model.key, SubjectKey):
            raise LookupError(f"the rows of {table} are not found by subject")  # noqa: TRY004 - no argument's type
        self._prefix = model.key.prefix
        self._model = model
        self._zone = zone
        self._expand = None if model.name == table else model.expansion
        # What follows from a row may follow from any column of it.
        wanted = set(model.column_names) if self._expand else _with_inputs(model, columns)
        self._blank: Row = {name: None for name in model.column_names if name in wanted}
        self._derived = [d for d in model.derived if d.column in wanted]
        self._fills = [_fillers(slot, wanted) for slot in model.slots]
        self._contests: dict[str, list[tuple[int, Where | None, list[str], bool]]] = defaultdict(list)
        for place, slot in enumerate(model.slots):
            path = slot.where.path.split(".") if slot.where else []
            for name in slot.types:
                self._contests[name].append((place, slot.where, path, slot.pick == "first"))

    def rows(self, events: Iterable[Gist]) -> Iterator[Row]:
        """The rows that these live events make: all events about each row, and in any order."""
        about: dict[str, list[Gist]] = defaultdict(list)
        for event in events:
            about[event.subject].append(event)
        for subject, found in about.items():
            row = self._row(subject.removeprefix(self._prefix), found)
            if row is None:
                continue
            if self._expand is None:
                yield row
            else:
                names = [name for name, _ in self._expand.columns]
                for values in self._expand.function(row, self._zone):
                    yield dict(zip(names, values, strict=True))

    def _row(self, key: str, events: list[Gist]) -> Row | None:
        winners: list[Gist | None] = [None] * len(self._fills)
        contests = self._contests
        for event in events:
            for place, where, path, first in contests.get(event.type, ()):
                if where is not None and not where.admits(look_up(event.data, path)):
                    continue
                kept = winners[place]
                if kept is None or (_order(event, first) < _order(kept, first)) == first:
                    winners[place] = event
        row: Row = self._blank.copy()
        row[self._model.key_column] = key
        touched = False
        for winner, fills in zip(winners, self._fills, strict=True):
            if winner is not None:
                touched = True
                for column, take in fills:
                    row[column] = take(winner)
        for collect in self._model.collects:
            members = _members(collect, events)
            if members:
                touched = True
                row[collect.column] = json_text(members)
        if not touched:
            return None
        for derived in self._derived:
            values = [row[name] for name in derived.inputs]
            row[derived.column] = derived.function(self._zone, *values) if derived.zoned else derived.function(*values)
        return row


def _order(event: Gist, first: bool) -> Order:
    """``(time, source, id)``; an unknown time stands where it loses to every known one."""
    unknown = event.time_us is None
    return (unknown if first else not unknown, event.time_us or 0, event.source, event.id)


def _with_inputs(model: Model, columns: Collection[str]) -> set[str]:
    """Some columns and those they are derived from, and what those are derived from."""
    wanted = set(columns)
    for derived in reversed(model.derived):
        if derived.column in wanted:
            wanted.update(derived.inputs)
    return wanted


def _fillers(slot: Slot, wanted: Collection[str]) -> list[tuple[str, Callable[[Gist], Any]]]:
    """The columns that a slot fills from its winner, each with what takes its value."""
    found = [(fill.column, _taker(fill)) for fill in slot.fills if fill.column in wanted]
    if slot.identity_column in wanted:
        found.append((slot.identity_column, lambda event: identity(event.source, event.id)))
    if slot.time_column in wanted and slot.time_column not in {column for column, _ in found}:
        found.append((slot.time_column, lambda event: event.time_us))
    return found


def _taker(fill: Fill) -> Callable[[Gist], Any]:
    match fill.origin:
        case "time":
            return lambda event: event.time_us
        case "agency":
            return lambda event: event.agency
        case "won":
            return lambda event: 1
        case "verb":
            return lambda event: verb_of(event.type)
        case "data":
            if fill.kind == "json":
                return lambda event: json_text(look_up(event.data, fill.path))
            return lambda event: look_up(event.data, fill.path)


def _members(collect: Collect, events: list[Gist]) -> list[dict[str, Any]]:
    members = {(event.source, event.id): event for event in events if event.type in collect.types}
    return [
        {"source": event.source, "id": event.id, "time": event.time_us, "agency": event.agency}
        | {name: event.data.get(name) for name in collect.fields}
        for _, event in sorted(members.items())
    ]
