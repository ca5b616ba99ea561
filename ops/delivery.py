"""The list forms of results: rows for tables, CSV and paging, made once for commands and HTTP alike.

JSON shapes belong to the results themselves (``to_json``); what is added here is which members become
columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from contracts.moments import format_us
from contracts.recorded import Recorded

if TYPE_CHECKING:
    from domain.rejections import KeptRejection

CELL_COLUMNS = (
    "kpi",
    "version",
    "period",
    "group",
    "value",
    "unit",
    "numerator",
    "denominator",
    "target",
    "status",
    "excluded",
)
EVENT_COLUMNS = ("log_index", "type", "subject", "time", "recorded_at", "agency")
REJECTION_COLUMNS = (
    "number",
    "status",
    "code",
    "pointer",
    "detail",
    "hint",
    "source",
    "id",
    "agency",
    "times",
    "last_received_at",
)
QUARANTINE_COLUMNS = ("log_index", "key", "type", "error", "attempts", "parked_at", "source", "id")
CONTRACT_COLUMNS = ("topic", "type", "name", "version", "kind", "family", "status")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_value(value: Any) -> Any:
    """One CSV field: nothing for None, compact JSON for lists and objects, and text that a spreadsheet
    will not take for a formula (an apostrophe goes before it, as spreadsheets do themselves)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return orjson.dumps(value, default=str).decode() if value else ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def rows_of(items: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> list[list[Any]]:
    """The named members of each item, None where one is absent."""
    return [[item.get(column) for column in columns] for item in items]


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """RFC 4180 with a header line."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([csv_value(value) for value in row] for row in rows)
    return out.getvalue()


def event_json(event: Recorded, *, with_data: bool = True) -> dict[str, Any]:
    """A recorded event as it is read over HTTP; moments are RFC 3339 in UTC, the digest is hex."""
    told: dict[str, Any] = {
        "log_index": event.log_index,
        "type": event.type,
        "version": event.version,
        "subject": event.subject,
        "time": None if event.time_us is None else format_us(event.time_us),
        "recorded_at": format_us(event.recorded_at_us),
        "agency": event.agency,
        "source": event.source,
        "id": event.id,
        "kind": event.kind,
        "supersedes": event.supersedes,
        "digest": event.digest.hex(),
    }
    if with_data:
        told["data"] = event.data
    return told


def rejection_json(kept: KeptRejection, *, with_raw: bool = False) -> dict[str, Any]:
    """A kept rejection; ``with_raw`` adds the bytes as sent (at most what is kept of them) as text."""
    told: dict[str, Any] = {
        "number": kept.number,
        "status": kept.status,
        "code": kept.problem.code,
        "title": kept.problem.title,
        "detail": kept.problem.detail,
        "pointer": kept.problem.pointer,
        "hint": kept.problem.hint,
        "docs": kept.problem.docs,
        "source": kept.source,
        "id": kept.id,
        "agency": kept.agency,
        "times": kept.times,
        "first_received_at": format_us(kept.first_received_at_us),
        "last_received_at": format_us(kept.last_received_at_us),
        "raw_bytes": kept.raw_bytes,
        "raw_sha256": kept.raw_sha256.hex(),
    }
    if with_raw:
        told["raw"] = kept.raw.decode("utf-8", "backslashreplace")
    return told


def contract_rows() -> list[dict[str, Any]]:
    """Every event type and version of the catalogue, in its order."""
    from contracts.catalogue import CATALOGUE

    return [
        {
            "topic": entry.topic,
            "type": entry.wire_type,
            "name": entry.name,
            "version": entry.version,
            "kind": entry.kind,
            "family": entry.family,
            "status": entry.status,
        }
        for entry in CATALOGUE
    ]
