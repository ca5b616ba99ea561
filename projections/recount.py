"""The tallies of a whole log at once: what ``tallies`` counts batch by batch, over columns.

Here because counting needs no event body: agency, type, time and recording time are typed columns.
"""

from __future__ import annotations

import math

import numpy as np
from sqlalchemy.engine import Connection

from contracts.moments import day_text
from contracts.ports import NO_TIME
from projections import statements
from projections.columns import Columns
from projections.local_days import local_days
from projections.tables import ENTRIES, REPORTS
from projections.tallies import UNDATED_BUCKET, bucket, family_of, report_key
from projections.winners import Ints

_UNKNOWN = -1
"""The delay of an event whose time is unknown."""

_TABLE_MAX = 4_000_000
"""The most combinations that are counted in a table over all of them; more are sorted."""

_NO_DAY = np.iinfo(np.int64).min


def recount(connection: Connection, columns: Columns, zone: str) -> None:
    """Writes ``entries`` and ``reports`` of a run of the log. Both must be empty."""
    chosen = columns.statements()
    if len(chosen) == 0:
        return
    agencies = columns.hot.agency_id[chosen]
    times, recorded = columns.hot.time_us[chosen], columns.hot.recorded_at_us[chosen]
    dated = times != NO_TIME
    entered = local_days(recorded, zone)
    happened = np.full(len(chosen), _NO_DAY, dtype=np.int64)
    happened[dated] = local_days(times[dated], zone)
    _entries(connection, columns, agencies, entered, happened)
    families = sorted({family_of(code.name) for code in columns.types})
    of_code = np.array([families.index(family_of(code.name)) for code in columns.types], dtype=np.int64)
    groups, inverse = _distinct(agencies[dated], of_code[columns.codes[chosen[dated]]], happened[dated])
    first = np.full(len(groups), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, inverse, recorded[dated])
    rows = []
    for (agency_id, family_id, day), recorded_at in zip(groups, first.tolist(), strict=True):
        agency, family, text = columns.texts[agency_id], families[family_id], day_text(day)
        rows.append((report_key(agency, family, text), agency, family, text, recorded_at, text[:7]))
    rows.sort()
    statements.insert_rows(connection, REPORTS, rows)


def _distinct(*parts: Ints) -> tuple[list[tuple[int, ...]], Ints]:
    """The distinct combinations of some columns, and for each element which one it has.

    The columns are packed into one number, so that one sort of integers does; their ranges are small.
    """
    if len(parts[0]) == 0:
        return [], np.empty(0, dtype=np.int64)
    packed = np.zeros(len(parts[0]), dtype=np.int64)
    ranges = [(int(part.min()), int(part.max()) - int(part.min()) + 1) for part in parts]
    for part, (least, size) in zip(parts, ranges, strict=True):
        packed = packed * size + (part - least)
    values, inverse = _unique(packed, math.prod(size for _, size in ranges))
    unpacked = []
    for least, size in reversed(ranges):
        values, rest = np.divmod(values, size)
        unpacked.append((rest + least).tolist())
    return list(zip(*reversed(unpacked), strict=True)), inverse


def _unique(packed: Ints, size: int) -> tuple[Ints, Ints]:
    """The distinct values of numbers below ``size``, ascending, and which of them each element is."""
    if size > _TABLE_MAX:
        values, inverse = np.unique(packed, return_inverse=True)
        return values, inverse.reshape(-1)
    present = np.zeros(size, dtype=bool)
    present[packed] = True
    values = np.flatnonzero(present)
    # Not set where nothing was counted: only the pages that are written to are ever real.
    places = np.empty(size, dtype=np.int64)
    places[values] = np.arange(len(values))
    return values, places[packed]


def _entries(connection: Connection, columns: Columns, agencies: Ints, entered: Ints, happened: Ints) -> None:
    """Counts by agency, day of entry and delay, then adds up to months and buckets in Python."""
    delay = np.where(happened == _NO_DAY, _UNKNOWN, np.clip(entered - happened, 0, 11))
    groups, inverse = _distinct(agencies, entered, delay)
    entries: dict[tuple[str, str, str], int] = {}
    for (agency_id, day, days), n in zip(groups, np.bincount(inverse).tolist(), strict=True):
        label = UNDATED_BUCKET if days == _UNKNOWN else bucket(days)
        key = (columns.texts[agency_id], day_text(day)[:7], label)
        entries[key] = entries.get(key, 0) + n
    rows = [(*key, n) for key, n in sorted(entries.items())]
    statements.insert_rows(connection, ENTRIES, rows)
