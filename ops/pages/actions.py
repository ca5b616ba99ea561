"""The pages of this section: what was decided to be done, by whom and by when.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from sqlalchemy import select

from contracts.moments import DAY_US
from ops.pages import words
from ops.pages.asking import Asked, asked
from ops.pages.obligations import STATE_WORDS
from projections import followup
from projections.tables import TABLES

if TYPE_CHECKING:
    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]

VOTE_WORDS = {"for": "for", "against": "against", "abstained": "abstained"}
ORPHAN_WORDS = {
    "goal": "Goal",
    "objective": "Objective",
    "kpi": "KPI",
    "indicator": "Indicator",
    "commitment": "Commitment",
    "action": "Action",
}
_KPI_KINDS = ("kpi", "indicator")


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/actions")
    def actions_page(as_of: str = "", owner: str = "", state: str = "", about: str = "") -> Response:
        reading = asked(house, as_of)
        figures = actions_figures(house, reading, {"owner": owner, "state": state, "about": about})
        return pages.page("actions", figures, here="/actions", nav="/actions", reading=reading)


def actions_figures(house: House, reading: Asked, filters: dict[str, str]) -> Figures:
    """Actions, decisions with dissent, and orphans. Raises ``Fault`` code ``request_invalid`` for an unknown state."""
    moment_us = reading.as_of.moment_us
    with house.reading(reading.as_of) as connection:
        found = followup.actions(connection, moment_us, owner=filters["owner"], about=filters["about"])
        shown = followup.actions(connection, moment_us, **filters)
        decided = followup.decisions(connection, moment_us)
        orphans = followup.orphans(connection, moment_us, house.zone)
        agencies = [name for (name,) in connection.execute(select(TABLES["agencies"].c.agency))]
    through = followup.follow_through(found)
    counts = {state: sum(one.state == state for one in found) for state in followup.ACTION_STATES}
    kept = {name: value for name, value in filters.items() if value}
    rest = {name: value for name, value in kept.items() if name != "state"}
    return {
        "through": through,
        "tally": [
            (
                STATE_WORDS[state],
                counts[state],
                reading.links.to("/actions", **rest, state="" if state == filters["state"] else state),
            )
            for state in followup.ACTION_STATES
        ],
        "filters": filters,
        "kept": kept,
        "agencies": sorted({*agencies, *(one.owner for one in found)}),
        "lines": [(one, STATE_WORDS[one.state], _note(one, moment_us, house.zone), _about(one)) for one in shown],
        "decided": [(one, _votes(one)) for one in decided],
        "orphans": [
            (ORPHAN_WORDS[one.kind], one, reading.links.kpi(one.id) if one.kind in _KPI_KINDS else "")
            for one in orphans
        ],
    }


def _note(one: followup.Action, moment_us: int, zone: str) -> str:
    days = abs(moment_us - one.due_us) // DAY_US
    span = words.count_words(days, "day") if days else "less than a day"
    if one.state == "overdue":
        return f"by {span}"
    if one.state == "open":
        return f"{span} left"
    return "when is not stated" if one.closed_us is None else f"on {words.day_words(one.closed_us, zone)}"


def _about(one: followup.Action) -> list[tuple[str, str]]:
    return sorted(one.about.items())


def _votes(one: followup.Decided) -> str:
    counted = [
        f"{words.number_words(n)} {said}"
        for vote, said in VOTE_WORDS.items()
        if (n := sum(given == vote for given in one.votes.values()))
    ]
    return words.listed(counted) if counted else "no votes recorded"
