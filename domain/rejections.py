"""What the ledger did not record, kept with its reason: rejections, refused decisions and conflicts.

It is here because nothing is dropped silently (law 9): a sender can be shown what was refused and why, long
after the answer was lost, and the counts of the intake add up to what was sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from contracts.faults import FAULTS, Problem
from contracts.limits import EVENT_BYTES_MAX
from contracts.recorded import Accepted, Rejected
from domain.back_end import Asking, Writing

RAW_BYTES_KEPT = EVENT_BYTES_MAX
"""Bytes kept of a refused submission: all of an event's, the beginning of what is larger."""


COLUMNS = (
    "status",
    "code",
    "title",
    "detail",
    "pointer",
    "hint",
    "extra",
    "source",
    "event_id",
    "agency",
    "first_received_at_us",
    "last_received_at_us",
    "times",
    "raw_bytes",
    "raw_sha256",
    "raw",
)
"""The columns of a kept rejection, but for the number that its ledger gives it."""


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
    writing: Writing,
    status: Literal["rejected", "conflict"],
    submission: Accepted | Rejected,
    problem: Problem,
    received_at_us: int,
) -> None:
    """Keep one inside the caller's transaction; the same bytes, refused alike, are only counted."""
    raw = submission.body if isinstance(submission, Accepted) else submission.raw
    writing.keep_rejection(
        COLUMNS,
        (
            status,
            problem.code,
            storable(problem.title),
            storable(problem.detail),
            storable(problem.pointer),
            storable(problem.hint),
            json.dumps(problem.extra, default=_in_words),
            None if submission.source is None else storable(submission.source),
            None if submission.id is None else storable(submission.id),
            None if submission.agency is None else storable(submission.agency),
            received_at_us,
            received_at_us,
            1,
            len(raw),
            hashlib.sha256(raw).digest(),
            raw[:RAW_BYTES_KEPT],
        ),
    )


def kept(asking: Asking, limit: int, after: int = 0, agency: str | None = None) -> list[KeptRejection]:
    """At most ``limit`` kept rejections with a number above ``after``, in the order they first came: of all, or of
    one agency."""
    rows = asking.ask(
        f"SELECT number, {', '.join(COLUMNS)} FROM rejections "
        f"WHERE number > ?{'' if agency is None else ' AND agency = ?'} ORDER BY number LIMIT ?",
        (after, limit) if agency is None else (after, storable(agency), limit),
    )
    return [_kept_rejection(row) for row in rows]


def latest(asking: Asking, limit: int, before: int = 0, agency: str | None = None) -> list[KeptRejection]:
    """At most ``limit`` kept rejections, the newest first, with a number below ``before`` (0: from the newest on): of
    all, or of one agency."""
    conditions = {"number < ?": before or None, "agency = ?": None if agency is None else storable(agency)}
    given = {condition: value for condition, value in conditions.items() if value is not None}
    rows = asking.ask(
        f"SELECT number, {', '.join(COLUMNS)} FROM rejections {_where(given)} ORDER BY number DESC LIMIT ?",
        (*given.values(), limit),
    )
    return [_kept_rejection(row) for row in rows]


def counted(asking: Asking, agency: str | None = None) -> tuple[int, int]:
    """(different rejections, how often they came in all): of all, or of one agency."""
    given = {} if agency is None else {"agency = ?": storable(agency)}
    query = f"SELECT count(*), coalesce(sum(times), 0) FROM rejections {_where(given)}"
    row = asking.ask(query, tuple(given.values())).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def by_agency(asking: Asking, moment_us: int) -> dict[str, int]:
    """Different submissions of each agency that broke their contract and first came no later than a moment; conflicts
    and what names no agency are left out."""
    rows = asking.ask(
        "SELECT agency, count(*) FROM rejections WHERE status = 'rejected' AND agency IS NOT NULL "
        "AND first_received_at_us <= ? GROUP BY agency",
        (moment_us,),
    )
    return {agency: int(n) for agency, n in rows}


def _where(given: Iterable[str]) -> str:
    joined = " AND ".join(given)
    return f"WHERE {joined}" if joined else ""


def _kept_rejection(row: tuple[Any, ...]) -> KeptRejection:
    number, status, code, title, detail, pointer, hint, extra, *rest = row
    if code in FAULTS:
        title = FAULTS[code].title
    return KeptRejection(number, status, Problem(code, title, detail, pointer, hint, json.loads(extra)), *rest)


def storable(text: str) -> str:
    """What was sent may hold half a surrogate pair, which no UTF-8 column can, or U+0000, which not every database
    can: each is shown as its escape."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _in_words(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
