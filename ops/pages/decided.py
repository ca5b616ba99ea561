"""What the KPI page says of the decisions behind a KPI: how its target and definition changed, and who disputes it.

Apart from the other figures because these are read from the log's decisions, not from the views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.recorded import Recorded
from ops.pages import words
from ops.pages.asking import Asked
from projections.kpi.history import Change, Difference, decisions, history

if TYPE_CHECKING:
    from ops.composition import House

Figures = dict[str, Any]

_PARTS = {
    "effective_from": "In force from",
    "sentence": "In words",
    "unit_of_count": "What is counted",
    "bands": "Tolerances",
    "changed_by": "Who may change it",
}


@dataclass(frozen=True, slots=True)
class Moved:
    """A difference in words: ``old`` → ``new``; both "" where only an expert could read them, as data.

    ``agencies`` is set where both are ids of agencies, which the page calls by their names.
    """

    name: str
    old: str
    new: str
    agencies: bool = False


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One decision as it is shown: its title, and what it moved (nothing where it repeats what stood)."""

    event: Recorded
    title: str
    reason: str
    moved: tuple[Moved, ...]


def decided_figures(house: House, asked: Asked, kpi: str, unit: str) -> Figures:
    """``changes`` and ``disputes`` of one KPI, newest first, as known at the reading."""
    with house.reading(asked.as_of) as connection:
        found = history(decisions(connection, house.reader), kpi)
    changes = [
        ChangeRow(
            change.event,
            _title(change),
            change.event.data.get("reason") or "",
            tuple(_moved(difference, unit) for difference in change.differences if difference.what != "in use"),
        )
        for change in reversed(found.changes)
    ]
    return {"changes": changes, "disputes": found.disputes[::-1]}


def _title(change: Change) -> str:
    if change.event.type == "target.set":
        return "Target set"
    if change.event.type == "kpi.defined":
        return f"Defined, version {change.version}"
    return "Retired, every version" if change.version is None else f"Retired, version {change.version}"


def _moved(difference: Difference, unit: str) -> Moved:
    name = _PARTS.get(difference.what) or words.title_words(difference.what)
    if difference.period is not None:
        name = f"{name}, {words.period_words(difference.period)}"
        return Moved(name, _number(difference.old, unit, "none"), _number(difference.new, unit, "not named any more"))
    if difference.what in ("baseline", "bands"):
        return Moved(name, _said(difference.old, unit), _said(difference.new, unit))
    if isinstance(difference.old, dict | list) or isinstance(difference.new, dict | list):
        return Moved(name, "", "")
    old, new = _text(difference.what, difference.old), _text(difference.what, difference.new)
    return Moved(name, old, new, agencies=difference.what == "owner")


def _number(value: Any, unit: str, otherwise: str) -> str:
    return otherwise if value is None else words.value_words(value, unit)


def _said(part: dict[str, Any] | None, unit: str) -> str:
    """A baseline (value, day, source) or bands (tolerances) in words."""
    if part is None:
        return "none"
    if "value" not in part:
        on_track = words.value_words(part.get("on_track", 0), unit)
        return f"on track within {on_track} of the target, watch within {words.value_words(part['watch'], unit)}"
    more = [words.iso_day_words(part["date"])] if part.get("date") else []
    more += [part["source"]] if part.get("source") else []
    value = words.value_words(part["value"], unit)
    return f"{value} ({', '.join(more)})" if more else value


def _text(what: str, value: Any) -> str:
    if value is None:
        return "none"
    return words.iso_day_words(value) if what == "effective_from" else str(value)
