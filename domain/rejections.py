"""What the ledger did not record, kept with its reason: rejections, refused decisions and conflicts.

It is here because nothing is dropped silently (law 9): a sender can be shown what was refused and why, long
after the answer was lost, and the counts of the intake add up to what was sent.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from contracts.faults import FAULTS, Problem
from contracts.limits import EVENT_BYTES_MAX
from contracts.recorded import Accepted, Rejected

RAW_BYTES_KEPT = EVENT_BYTES_MAX
"""Bytes kept of a refused submission: all of an event's, the beginning of what is larger."""


@dataclass(frozen=True, slots=True)
class KeptRejection:
    """One refused submission. ``times`` counts identical repeats; moments are UTC microseconds.

    ``raw`` are at most ``RAW_BYTES_KEPT`` bytes of the ``raw_bytes`` that came; ``raw_sha256`` is over all of
    them.
    """

    number: int
    status: Literal["rejected", "conflict"]
    problem: Problem
    source: str | None
    id: str | None
    agency: str | None
    first_received_at_us: int
    last_received_at_us: int
    times: int
    raw_bytes: int
    raw_sha256: bytes
    raw: bytes


def keep(
    cursor: sqlite3.Cursor,
    status: Literal["rejected", "conflict"],
    submission: Accepted | Rejected,
    problem: Problem,
    received_at_us: int,
) -> None:
    """Keep one inside the caller's transaction; the same bytes, refused alike, are only counted."""
    raw = submission.body if isinstance(submission, Accepted) else submission.raw
    cursor.execute(
        "INSERT INTO rejections "
        "(status, code, title, detail, pointer, hint, extra, source, event_id, agency, "
        "first_received_at_us, last_received_at_us, times, raw_bytes, raw_sha256, raw) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1,?,?,?) "
        "ON CONFLICT (raw_sha256, code, pointer, coalesce(agency, '')) DO UPDATE "
        "SET times = times + 1, last_received_at_us = max(last_received_at_us, excluded.last_received_at_us)",
        (
            status,
            problem.code,
            _storable(problem.title),
            _storable(problem.detail),
            _storable(problem.pointer),
            _storable(problem.hint),
            json.dumps(problem.extra, default=_in_words),
            None if submission.source is None else _storable(submission.source),
            None if submission.id is None else _storable(submission.id),
            None if submission.agency is None else _storable(submission.agency),
            received_at_us,
            received_at_us,
            len(raw),
            hashlib.sha256(raw).digest(),
            raw[:RAW_BYTES_KEPT],
        ),
    )


def kept(connection: sqlite3.Connection, limit: int, after: int = 0) -> list[KeptRejection]:
    """At most ``limit`` kept rejections with a number above ``after``, in the order they first came."""
    rows = connection.execute(
        "SELECT number, status, code, title, detail, pointer, hint, extra, source, event_id, agency, "
        "first_received_at_us, last_received_at_us, times, raw_bytes, raw_sha256, raw "
        "FROM rejections WHERE number > ? ORDER BY number LIMIT ?",
        (after, limit),
    )
    return [_kept_rejection(row) for row in rows]


def _kept_rejection(row: tuple[Any, ...]) -> KeptRejection:
    number, status, code, title, detail, pointer, hint, extra, *rest = row
    if code in FAULTS:
        title = FAULTS[code].title
    return KeptRejection(number, status, Problem(code, title, detail, pointer, hint, json.loads(extra)), *rest)


def _storable(text: str) -> str:
    """What was sent may hold half a surrogate pair, which no UTF-8 column can: show it as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _in_words(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
