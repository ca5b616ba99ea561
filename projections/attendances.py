"""Who attended a joint training: one row an agency, as the organiser says and as the agency itself does.

Here because each agency's attendance is a shared fact of its own: the organiser states it for everyone at once,
and every agency confirms or disputes its own part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from projections.merges import Expansion


def attendances_of(row: Mapping[str, Any], zone: str) -> list[tuple[Any, ...]]:
    """The attendances of one training's row, in the order of ``ATTENDANCES.columns``, by agency.

    There is one for every agency that the organiser names or that speaks for itself. ``attendees`` is how many
    the organiser counted, None where it named none of that agency's. ``confirmed_attendees`` is what the agency
    said last, by ``(time, source, id)``, an unknown time losing; ``confirmed_at`` and ``disputed_at`` are the
    first moments that are known.
    """
    counted: dict[str, int] = _loads(row["attendees_by_agency"]) or {}
    said: dict[str, tuple[list[Any], list[Any]]] = {agency: ([], []) for agency in counted}
    for place, column in enumerate(("confirmations", "disputes")):
        for entry in _loads(row[column]) or ():
            said.setdefault(entry["agency"], ([], []))[place].append(entry)
    rows = []
    for agency, (confirmations, disputes) in sorted(said.items()):
        latest = max(confirmations, key=_order, default=None)
        rows.append(
            (
                f"{row['training']}#{agency}",
                row["training"],
                agency,
                row["agency"],
                counted.get(agency),
                row["held"],
                row["held_at"],
                int(latest is not None),
                None if latest is None else latest["attendees"],
                _first_time(confirmations),
                int(bool(disputes)),
                _first_time(disputes),
                row["month"],
            )
        )
    return rows


ATTENDANCES = Expansion(
    table="attendances",
    key="key",
    parent="training",
    columns=(
        ("key", "text"),
        ("training", "text"),
        ("agency", "text"),
        ("organiser", "text"),
        ("attendees", "integer"),
        ("held", "integer"),
        ("held_at", "integer"),
        ("confirmed", "integer"),
        ("confirmed_attendees", "integer"),
        ("confirmed_at", "integer"),
        ("disputed", "integer"),
        ("disputed_at", "integer"),
        ("month", "text"),
    ),
    function=attendances_of,
    indexes=(("training",), ("month",)),
)
"""``agency`` attended, ``organiser`` said so; ``attendees`` is NULL where only the agency itself speaks."""


def _order(entry: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    """(time, source, id), an unknown time first, so that it loses."""
    return (entry["time"] is not None, entry["time"] or 0, entry["source"], entry["id"])


def _first_time(entries: list[Any]) -> int | None:
    return min((entry["time"] for entry in entries if entry["time"] is not None), default=None)


def _loads(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
