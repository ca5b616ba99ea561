"""Decisions of the committee, with how each agency voted and who dissented.

Dissent is recorded beside the vote, because a partner that was outvoted still answers for what it promised.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from contracts import limits
from contracts.by_agency import VoteByAgency
from contracts.declaration import Bad, EventType, Family, every
from contracts.fields import Id, Payload, Text
from contracts.refusals import broken, missing, unknown, wrong


class Dissent(Payload):
    """An agency that did not agree, and why."""

    agency: Id = Field(description="The agency that dissents.")
    reason: Text = Field(description="Why, in its own words.")


class DecisionRecorded(Payload):
    """The committee has decided on a motion."""

    decision: Id = Field(description="The decision's id.")
    plan: Id = Field(description="The plan it was decided under.")
    meeting: Id | None = Field(default=None, description="The meeting it was decided at; absent for one in writing.")
    motion: Text = Field(description="What was put to the vote.")
    votes: VoteByAgency = Field(description="How each agency voted.")
    dissent: Annotated[tuple[Dissent, ...], Field(max_length=limits.LIST_ITEMS_MAX)] | None = Field(
        default=None, description="Those who want their disagreement recorded."
    )


def _dissenters_voted(data: dict[str, Any]) -> tuple[str, str] | None:
    for place, dissent in enumerate(data.get("dissent") or ()):
        if dissent["agency"] not in data["votes"]:
            return f"/dissent/{place}/agency", f"{dissent['agency']!r} is not among those who voted"
    return None


def _dissent_once(data: dict[str, Any]) -> tuple[str, str] | None:
    seen: set[str] = set()
    for place, dissent in enumerate(data.get("dissent") or ()):
        if dissent["agency"] in seen:
            return f"/dissent/{place}/agency", "the agency's dissent is already told"
        seen.add(dissent["agency"])
    return None


_RECORDED: dict[str, Any] = {
    "decision": "de-2025-1",
    "plan": "plan-2025",
    "motion": "Let the crisis team work nights from July on.",
    "votes": {"county": "for", "lakeside-health": "for", "metro-police": "against"},
}
_REASON = "No officer is free to go along at night."
_DISSENT = {"agency": "metro-police", "reason": _REASON}

FAMILY = Family(
    "decision",
    "Committee decisions",
    (
        EventType(
            name="decision.recorded",
            model=DecisionRecorded,
            subject="decision/{decision}",
            kind="decision",
            aggregate="decision",
            rule=every(_dissenters_voted, _dissent_once),
            good=(_RECORDED, {**_RECORDED, "meeting": "m-2025-03", "dissent": [_DISSENT]}),
            bad=(
                *missing(_RECORDED, "decision", "plan", "motion", "votes"),
                *wrong(_RECORDED, decision="de 1", motion="", votes={}),
                *wrong(_RECORDED, motion="\u0000"),
                Bad({**_RECORDED, "votes": {"county": "yes"}}, "data_invalid", "/data/votes/county"),
                Bad({**_RECORDED, "dissent": [{"reason": _REASON}]}, "field_missing", "/data/dissent/0/agency"),
                Bad({**_RECORDED, "dissent": [{"agency": "county"}]}, "field_missing", "/data/dissent/0/reason"),
                Bad({**_RECORDED, "dissent": [{**_DISSENT, "by": "x"}]}, "field_unknown", "/data/dissent/0/by"),
                *broken({**_RECORDED, "dissent": [{**_DISSENT, "agency": "harbor-housing"}]}, "/dissent/0/agency"),
                *broken({**_RECORDED, "dissent": [_DISSENT, _DISSENT]}, "/dissent/1/agency"),
                *unknown(_RECORDED, "minutes"),
            ),
        ),
    ),
)
