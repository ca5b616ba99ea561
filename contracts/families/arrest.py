"""Arrests, and the offer to take part in a programme instead of being charged.

Diversion is only a share of something where it is known which arrests could have been diverted, so the arrest
itself says so, by the rule of the partnership and not by what came of it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Id, Payload, Text
from contracts.refusals import missing, unknown, wrong


class ArrestMade(Payload):
    """A person was arrested (NIEM j:Arrest; the event's time is j:ActivityDate)."""

    arrest: Id = Field(description="The arrest's id (NIEM j:ArrestAgencyRecordIdentification).")
    charge_class: Literal["felony", "misdemeanor", "infraction", "other"] = Field(
        description="The gravest charge (NIEM j:ChargeSeverityLevelCode; Justice Counts offense severity)."
    )
    divertible: bool = Field(description="Whether the partnership's own rule would let this arrest be diverted.")
    call: Id | None = Field(default=None, description="The call it came out of.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")
    person_group: Id | None = Field(default=None, description="A population group's code, for equity comparison.")


class DiversionOffered(Payload):
    """The person was offered a programme instead of prosecution (Justice Counts: diversion)."""

    arrest: Id = Field(description="The arrest in question.")
    program: Id = Field(description="The programme that was offered (Justice Counts diversion program).")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")


class DiversionAccepted(Payload):
    """The person takes the offer."""

    arrest: Id = Field(description="The arrest in question.")


class DiversionDeclined(Payload):
    """The person does not take the offer."""

    arrest: Id = Field(description="The arrest in question.")
    reason: Text | None = Field(default=None, description="Why, as a code or in words.")


_SUBJECT = "arrest/{arrest}"
_A = {"arrest": "ar-1"}
_MADE = {**_A, "charge_class": "misdemeanor", "divertible": True}
_OFFERED = {**_A, "program": "lead"}

FAMILY = Family(
    "arrest",
    "Arrests and diversion",
    (
        EventType(
            name="arrest.made",
            model=ArrestMade,
            subject=_SUBJECT,
            good=(_MADE, {**_MADE, "call": "c-1", "person": "p:9f2c", "person_group": "g2"}),
            bad=(
                *missing(_MADE, "arrest", "charge_class", "divertible"),
                *wrong(_MADE, charge_class="murder", divertible="yes", person="Jane Doe"),
                *unknown(_MADE, "name"),
            ),
        ),
        EventType(
            name="diversion.offered",
            model=DiversionOffered,
            subject=_SUBJECT,
            good=(_OFFERED, {**_OFFERED, "person": "p:9f2c"}),
            bad=(
                *missing(_OFFERED, "arrest", "program"),
                *wrong(_OFFERED, program="the new one"),
                *unknown(_OFFERED),
            ),
        ),
        EventType(
            name="diversion.accepted",
            model=DiversionAccepted,
            subject=_SUBJECT,
            good=(_A,),
            bad=(*missing(_A, "arrest"), *wrong(_A, arrest="ar 1"), *unknown(_A)),
        ),
        EventType(
            name="diversion.declined",
            model=DiversionDeclined,
            subject=_SUBJECT,
            good=(_A, {**_A, "reason": "Prefers a hearing."}),
            bad=(
                *missing(_A, "arrest"),
                *wrong(_A, arrest="ar 1", reason="\u0000"),
                *unknown(_A),
                *wrong(_A, reason=""),
            ),
        ),
    ),
)
