"""The reference: what the declarations mean, in the plainest Python, for both executions to be compared with.

It knows nothing of batches, merges or columns: it looks at the whole set of events at once. What derived columns
and following rows mean is said once more in ``plain_rows``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from contracts.recorded import Recorded
from projections.merges import Model, Slot, SubjectKey
from tests.projections import plain_rows

Table = list[tuple[Any, ...]]


def rows_of(model: Model, events: Sequence[Recorded], zone: str) -> Table:
    """The rows of one model from a set of live events."""
    about: dict[str, list[Recorded]] = defaultdict(list)
    for event in events:
        if event.type in model.types:
            about[_key(model, event)].append(event)
    rows = []
    for key, found in about.items():
        row: dict[str, Any] = dict.fromkeys(model.column_names)
        row[model.key_column] = key
        touched = False
        for slot in model.slots:
            winner = _winner(slot, found)
            if winner is None:
                continue
            touched = True
            row[slot.time_column] = winner.time_us
            row[slot.identity_column] = f"{winner.source}\n{winner.id}"
            for fill in slot.fills:
                value: Any = winner.data
                for step in fill.path:
                    value = value.get(step) if isinstance(value, dict) else None
                if fill.origin == "agency":
                    value = winner.agency
                elif fill.origin == "won":
                    value = 1
                elif fill.origin == "time":
                    value = winner.time_us
                elif fill.origin == "verb":
                    value = winner.type.split(".")[1]
                elif fill.kind == "json" and value is not None:
                    value = _json(value)
                row[fill.column] = value
        for collect in model.collects:
            members = sorted((e for e in found if e.type in collect.types), key=lambda e: (e.source, e.id))
            if members:
                touched = True
                row[collect.column] = _json(
                    [
                        {"source": e.source, "id": e.id, "time": e.time_us, "agency": e.agency}
                        | {name: e.data.get(name) for name in collect.fields}
                        for e in members
                    ]
                )
        for derived in model.derived:
            row[derived.column] = plain_rows.derived(derived, zone, [row[name] for name in derived.inputs])
        if touched:
            rows.append(tuple(row.values()))
    return rows


def live(events: Sequence[Recorded]) -> list[Recorded]:
    """The events that no other one of the same source and agency supersedes; decisions always are."""
    gone = {(e.source, e.supersedes, e.agency) for e in events if e.supersedes}
    return [e for e in events if e.kind == "decision" or (e.source, e.id, e.agency) not in gone]


def superseded(events: Sequence[Recorded]) -> Table:
    """The table of what is superseded."""
    by: dict[tuple[str, str, str], list[Recorded]] = defaultdict(list)
    for event in events:
        if event.supersedes:
            by[event.source, event.supersedes, event.agency].append(event)
    return [
        (*target, target[0], min(e.id for e in found), min(e.recorded_at_us for e in found))
        for target, found in by.items()
    ]


def reports(events: Sequence[Recorded], zone: str) -> Table:
    """First recording of each agency, family and local day."""
    found: dict[tuple[str, str, str], int] = {}
    for event in events:
        if event.kind == "statement" and event.time_us is not None:
            key = (event.agency, event.type.split(".")[0], _local(event.time_us, zone).date().isoformat())
            found[key] = min(found.get(key, event.recorded_at_us), event.recorded_at_us)
    return [("/".join(key), *key, at, key[2][:7]) for key, at in found.items()]


def entries(events: Sequence[Recorded], zone: str) -> Table:
    """How many statements were entered how late."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for event in events:
        if event.kind == "statement":
            day = _local(event.recorded_at_us, zone).date()
            label = "undated"
            if event.time_us is not None:
                days = (day - _local(event.time_us, zone).date()).days
                label = next(
                    text
                    for most, text in ((0, "0"), (3, "1-3"), (6, "4-6"), (10, "7-10"), (10**6, "11+"))
                    if days <= most
                )
            found[event.agency, day.isoformat()[:7], label] += 1
    return [(*key, n) for key, n in found.items()]


def _winner(slot: Slot, events: Sequence[Recorded]) -> Recorded | None:
    candidates = [e for e in events if e.type in slot.types]
    if slot.where is not None:
        field, values = slot.where.path, slot.where.values
        candidates = [
            e for e in candidates if (e.data.get(field) is not None if values is None else e.data.get(field) in values)
        ]
    known = [e for e in candidates if e.time_us is not None]
    pool = known or candidates
    if not pool:
        return None
    pick = min if slot.pick == "first" else max
    return pick(pool, key=lambda e: (e.time_us or 0, e.source, e.id))


def _key(model: Model, event: Recorded) -> str:
    if isinstance(model.key, SubjectKey):
        return event.subject[len(model.key.prefix) :]
    return model.key.separator.join(str(event.data[name]) for name in model.key.fields)


def _local(us: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(ZoneInfo(zone))


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
