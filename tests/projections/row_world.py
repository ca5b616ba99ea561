"""A few statements, and the row they make: followed one by one and rebuilt from nothing, which must agree.

Here so that a test of a read model is its events and the expected row, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contracts.moments import parse_us
from projections.models import MODELS
from projections.tables import METADATA
from projections.views import Views
from tests.projections.fake_log import FakeLog, MemoryStore, contents, recorded

ZONE = "America/Los_Angeles"
SOURCE = "//county/records"


@dataclass(frozen=True)
class Said:
    """A statement or a decision before it has a place in the log."""

    type: str
    data: dict[str, Any]
    at: str | None
    by: str
    supersedes: str | None


def say(
    type: str, at: str | None = None, speaker: str = "county", *, supersedes: str | None = None, **data: Any
) -> Said:
    """What was said: on a day at noon UTC, at a moment, or undated."""
    return Said(type, data, at, speaker, supersedes)


def void(target: str, by: str = "county") -> Said:
    """The statement with this id is withdrawn. Statements are named e1, e2, … in the order they are given."""
    return Said("record.voided", {"supersedes": target, "reason": "wrong"}, "2025-12-01", by, None)


def us(at: str) -> int:
    """UTC microseconds of a day's noon, or of a moment."""
    return parse_us(at if "T" in at else f"{at}T12:00:00Z")


def log_of(*said: Said) -> FakeLog:
    """The statements, recorded in this order under one source."""
    return FakeLog(
        recorded(
            number,
            one.type,
            one.data,
            id=f"e{number}",
            source=SOURCE,
            agency=one.by,
            subject="record/x" if one.type.startswith("record.") else None,
            time_us=None if one.at is None else us(one.at),
            supersedes=one.supersedes,
        )
        for number, one in enumerate(said, start=1)
    )


def rows_of(table: str, *said: Said) -> list[dict[str, Any]]:
    """The rows of a table, NULLs and the bookkeeping of slots left out, by key."""
    log = log_of(*said)
    followed, rebuilt = MemoryStore(), MemoryStore()
    views = Views(ZONE)
    with followed.write() as connection:
        views.prepare(connection)
    for event in log.events:
        with followed.write() as connection:
            views.apply(connection, [event], log)
    Views(ZONE).rebuild(rebuilt, log)
    kept, made = contents(followed, METADATA), contents(rebuilt, METADATA)
    followed.close()
    rebuilt.close()
    assert made[table] == kept[table]
    hidden = {
        name
        for model in MODELS
        if model.name == table
        for slot in model.slots
        for name in (slot.identity_column, f"{slot.name}_us")
    }
    names = [column.name for column in METADATA.tables[table].columns]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None and name not in hidden}
        for row in kept[table]
    ]


def row_of(table: str, *said: Said) -> dict[str, Any] | None:
    """The one row of a table; None where there is none."""
    found = rows_of(table, *said)
    assert len(found) <= 1
    return found[0] if found else None
