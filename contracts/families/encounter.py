"""Encounters: a team engages a person, and the encounter closes with a disposition.

The disposition is what most outcome KPIs count, so the sender's own code is kept beside the standard one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Minutes, Name, Payload
from contracts.refusals import missing, unknown, wrong


class EncounterEngaged(Payload):
    """The team is with the person; the event's time is the moment of first contact."""

    call: Id = Field(description="The call it answers.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")


class EncounterClosed(Payload):
    """The team has left; the event's time is the moment of departure (NIEM ServiceCallClearedDate)."""

    call: Id = Field(description="The call it answers.")
    disposition: Literal[
        "remained_in_community",
        "emergency_department",
        "sobering",
        "walk_in_center",
        "respite",
        "arrest",
        "declined",
        "other",
    ] = Field(description="Where the person went (NIEM ServiceCallDisposition).")
    attempt_outcome: Literal["engaged", "refused", "unable_to_locate", "cancelled", "safety", "other"] | None = Field(
        default=None, description="How the attempt to engage the person ended."
    )
    local_disposition: Name | None = Field(default=None, description="The disposition in the sender's own words.")
    local_outcome: Name | None = Field(default=None, description="The attempt's outcome in the sender's own words.")
    minutes_on_scene: Minutes | None = Field(default=None, description="Whole minutes from arrival to departure.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")
    person_group: Id | None = Field(default=None, description="A population group's code, for equity comparison.")
    follow_up: bool | None = Field(
        default=None, description="Whether somebody is to get in touch afterwards (SAMHSA crisis follow-up)."
    )


class FollowupMade(Payload):
    """Somebody tried to get in touch after the encounter; the event's time is the moment of the attempt."""

    call: Id = Field(description="The call the encounter answered.")
    outcome: Literal["reached", "attempted", "declined"] = Field(
        description="Whether the person was reached; declined: reached, and wants no further contact."
    )


_CLOSED = {"call": "c-1", "disposition": "other"}
_REACHED = {"call": "c-1", "outcome": "reached"}

FAMILY = Family(
    "encounter",
    "Encounters",
    (
        EventType(
            name="encounter.engaged",
            model=EncounterEngaged,
            subject="call/{call}",
            good=({"call": "c-1"},),
            bad=(
                Bad({"Call": "c-1"}, "field_missing", "/data/call"),
                *missing({"call": "c-1"}, "call"),
                *wrong({"call": "c-1"}, call="c 1", person="Jane Doe"),
                *unknown({"call": "c-1"}),
            ),
        ),
        EventType(
            name="encounter.closed",
            model=EncounterClosed,
            subject="call/{call}",
            good=(
                {"call": "c-1", "disposition": "remained_in_community"},
                {
                    "call": "c-1",
                    "disposition": "sobering",
                    "attempt_outcome": "engaged",
                    "local_disposition": "Sobering/Detox Facility",
                    "local_outcome": "Engaged client",
                    "minutes_on_scene": 40,
                },
            ),
            bad=(
                Bad({"call": "c-1", "disposition": "jail"}, "data_invalid", "/data/disposition"),
                Bad(
                    {"call": "c-1", "disposition": "other", "minutes_on_scene": -1},
                    "data_invalid",
                    "/data/minutes_on_scene",
                ),
                Bad(
                    {"call": "c-1", "disposition": "other", "minutes_on_scene": 1.5},
                    "data_invalid",
                    "/data/minutes_on_scene",
                ),
                Bad(
                    {"call": "c-1", "disposition": "other", "minutes_on_scene": True},
                    "data_invalid",
                    "/data/minutes_on_scene",
                ),
                *missing(_CLOSED, "call", "disposition"),
                *wrong(_CLOSED, call="c 1", attempt_outcome="lost", local_disposition="", local_outcome="a\nb"),
                *wrong(_CLOSED, minutes_on_scene=100_001, follow_up="yes"),
                *unknown(_CLOSED),
            ),
        ),
        EventType(
            name="followup.made",
            model=FollowupMade,
            subject="call/{call}",
            good=(_REACHED,),
            bad=(
                *missing(_REACHED, "call", "outcome"),
                *wrong(_REACHED, call="c 1", outcome="left a message"),
                *unknown(_REACHED),
            ),
        ),
    ),
)
