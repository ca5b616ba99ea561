"""What the reference pages show: error codes from the fault table, and what each KPI means.

Rendered from the tables that the code itself uses, so that they cannot drift from it.
"""

from __future__ import annotations

from typing import Any

from contracts.faults import FAULTS, FaultSpec
from ops.pages import words
from ops.pages.asking import Asked
from ops.pages.remembering import Scorecards
from ops.pages.standing import QUESTIONS

Figures = dict[str, Any]

FAMILIES = {
    "rejected": "Change what was sent",
    "conflict": "Look again, then decide",
    "unavailable": "Try again later",
}
"""What the caller may do, by family of fault."""

ROOMS = {
    "parse": "Reading what was sent",
    "envelope": "The event's envelope",
    "data": "The event's data",
    "ledger": "Recording it",
    "availability": "Not now",
    "auth": "Who is asking",
    "lookup": "What was asked for",
    "file": "Files and settings",
}


def error_figures() -> Figures:
    """Every fault, in the table's order, by the part of the house that tells it."""
    rooms: dict[str, list[FaultSpec]] = {}
    for spec in FAULTS.values():
        rooms.setdefault(spec.room, []).append(spec)
    return {
        "rooms": [(room, ROOMS.get(room, words.title_words(room)), specs) for room, specs in rooms.items()],
        "families": FAMILIES,
    }


def kpi_list_figures(cards: Scorecards, asked: Asked) -> Figures:
    """Every KPI definition in force, with its sentence, by id."""
    card = cards.read(asked.as_of)
    found = {line.definition.kpi: (line.definition, line.sentence) for line in card.lines()}
    return {
        "definitions": [found[kpi] for kpi in sorted(found)],
        "questions": QUESTIONS,
        "directions": {way: words.direction_words(way) for way in ("up", "down", "none")},
    }
