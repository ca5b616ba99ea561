"""Responses to a call: dispatched, not sent, arrived, backup requested.

They are reported by whoever sent or held back a team, often another agency than the one that took the call.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Ids, Payload, Text
from contracts.refusals import missing, unknown, wrong

Team = Literal["police", "co_response", "civilian", "ems"]


class ResponseDispatched(Payload):
    """A team was sent (NIEM ServiceCallDispatchedDate is the event's time)."""

    call: Id = Field(description="The call it answers.")
    team: Team = Field(description="co_response: police and clinician together; civilian: no police.")
    units: Ids = Field(default=(), description="The units sent (NIEM ServiceCallAssignedUnit).")


class ResponseNotSent(Payload):
    """No alternative team was sent, for this reason."""

    call: Id = Field(description="The call that was not answered so.")
    reason: Literal["out_of_hours", "no_unit", "geography", "safety", "other"] = Field(
        description="Why none was sent; without this event the call counts as unexplained."
    )
    note: Text | None = Field(default=None, description="The reason in the sender's words.")


class ResponseArrived(Payload):
    """A team reached the scene (NIEM ServiceCallArrivedDate is the event's time)."""

    call: Id = Field(description="The call it answers.")
    team: Team = Field(description="Which team arrived.")
    units: Ids = Field(default=(), description="The units that arrived.")


class ResponseBackupRequested(Payload):
    """A team on scene asked for police."""

    call: Id = Field(description="The call in question.")
    team: Team | None = Field(default=None, description="The team that asked.")
    reason: Text | None = Field(default=None, description="Why it asked.")


_CALL = {"call": "c-1"}
_SENT = {"call": "c-1", "team": "civilian"}
_NOT_SENT = {"call": "c-1", "reason": "no_unit"}

FAMILY = Family(
    "response",
    "Responses",
    (
        EventType(
            name="response.dispatched",
            model=ResponseDispatched,
            subject="call/{call}",
            good=(
                {"call": "c-1", "team": "civilian"},
                {"call": "c-1", "team": "co_response", "units": ["M1", "P12"]},
            ),
            bad=(
                Bad({"call": "c-1"}, "field_missing", "/data/team"),
                Bad({"call": "c-1", "team": "Civilian"}, "data_invalid", "/data/team"),
                *missing(_SENT, "call"),
                *wrong(_SENT, call="c 1", units=["M1", "M1"]),
                *unknown(_SENT),
            ),
        ),
        EventType(
            name="response.not_sent",
            model=ResponseNotSent,
            subject="call/{call}",
            good=(
                {"call": "c-1", "reason": "no_unit"},
                {"call": "c-1", "reason": "other", "note": "Road closed."},
            ),
            bad=(
                Bad({"call": "c-1", "reason": "busy"}, "data_invalid", "/data/reason"),
                *missing(_NOT_SENT, "call", "reason"),
                *wrong(_NOT_SENT, call="c 1", note="\u0000"),
                *wrong(_NOT_SENT, note=""),
                *unknown(_NOT_SENT),
            ),
        ),
        EventType(
            name="response.arrived",
            model=ResponseArrived,
            subject="call/{call}",
            good=({"call": "c-1", "team": "civilian"},),
            bad=(
                Bad({"call": "c-1"}, "field_missing", "/data/team"),
                *missing(_SENT, "call"),
                *wrong(_SENT, call="c 1", team="fire", units=["M1", "M1"]),
                *unknown(_SENT),
            ),
        ),
        EventType(
            name="response.backup_requested",
            model=ResponseBackupRequested,
            subject="call/{call}",
            good=({"call": "c-1"}, {"call": "c-1", "team": "civilian", "reason": "Weapon seen."}),
            bad=(
                Bad({"call": ["c-1"]}, "data_invalid", "/data/call"),
                *missing(_CALL, "call"),
                *wrong(_CALL, call="c 1", team="fire", reason="\u0000"),
                *wrong(_CALL, reason=""),
                *unknown(_CALL),
            ),
        ),
    ),
)
