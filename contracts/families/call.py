"""Crisis calls: received and triaged.

A call is the beginning of every answer the crisis system gives; whether it was eligible is said by whoever
triaged it, and a call nobody triaged stays apart from one found ineligible.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Ids, Name, Names, Payload, Text
from contracts.refusals import missing, unknown, wrong


class CallReceived(Payload):
    """A request for help has reached a call taker; the event's time is the moment of the request."""

    call: Id = Field(description="The call's id (NIEM nc:ActivityIdentification of a ServiceCall).")
    psap: Id | None = Field(default=None, description="The public safety answering point or line that took it.")
    channel: Literal["911", "988", "non_emergency", "self_initiated"] | None = Field(
        default=None, description="How it came in (NIEM ServiceCallMechanism)."
    )
    local_code: Name | None = Field(default=None, description="The call taker's own code for its nature.")
    discipline: Literal["behavioural_health", "police", "fire", "ems", "other"] | None = Field(
        default=None,
        description="Whose matter the call is (NIEM ServiceCallDisciplineCategory; Justice Counts calls for service).",
    )
    priority: Name | None = Field(default=None, description="The call taker's own priority (NIEM ServiceCallPriority).")
    needs: Ids = Field(default=(), description="Needs named in the call, as codes, the foremost first.")
    local_needs: Names = Field(default=(), description="The same in the sender's own words or codes.")
    area: Name | None = Field(default=None, description="Where, no finer than a city or district.")


class CallTriaged(Payload):
    """It was decided whether an alternative response fits the call."""

    call: Id = Field(description="The call's id.")
    eligibility: Literal["eligible", "ineligible", "not_triaged"] = Field(
        description="not_triaged where nobody looked; it is never the same as ineligible."
    )
    reason: Text | None = Field(default=None, description="Why, as a code or in words.")


_TRIAGED = {"call": "c-1", "eligibility": "eligible"}

FAMILY = Family(
    "call",
    "Crisis calls",
    (
        EventType(
            name="call.received",
            model=CallReceived,
            subject="call/{call}",
            good=(
                {"call": "c-1"},
                {
                    "call": "c-1",
                    "psap": "metro-911",
                    "channel": "911",
                    "local_code": "MH-2",
                    "discipline": "behavioural_health",
                    "priority": "2",
                    "needs": ["suicidal_thoughts", "housing"],
                    "local_needs": ["Suicidal thoughts", "Housing"],
                    "area": "Eugene",
                },
                {"call": "c-1", "channel": None},
            ),
            bad=(
                Bad({}, "field_missing", "/data/call"),
                Bad({"call": "c-1", "channel": "fax"}, "data_invalid", "/data/channel"),
                Bad({"call": "c-1", "chanel": "911"}, "field_unknown", "/data/chanel"),
                Bad({"call": 1}, "data_invalid", "/data/call"),
                Bad({"call": "c-1", "needs": ["a", "a"]}, "data_invalid", "/data/needs"),
                *wrong({"call": "c-1"}, call="c 1", local_code="", priority="2\n", discipline="medical"),
            ),
        ),
        EventType(
            name="call.triaged",
            model=CallTriaged,
            subject="call/{call}",
            good=(
                {"call": "c-1", "eligibility": "eligible"},
                {"call": "c-1", "eligibility": "not_triaged", "reason": "x"},
            ),
            bad=(
                Bad({"call": "c-1", "eligibility": "maybe"}, "data_invalid", "/data/eligibility"),
                *missing(_TRIAGED, "call", "eligibility"),
                *wrong(_TRIAGED, call="c 1", reason="\u0000"),
                *wrong(_TRIAGED, reason=""),
                *unknown(_TRIAGED),
            ),
        ),
    ),
)
