"""Referrals and their appointments, from request to confirmed outcome.

Requester and target each tell their half; states follow HL7 FHIR Task.status and the BSeR business statuses,
so that an accepted referral, a closed one and a need that was met stay three different things.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Moment, Payload, Text
from contracts.refusals import missing, unknown, wrong


class ReferralRequested(Payload):
    """One agency asks another to help someone (FHIR Task.status requested; BSeR 2.0)."""

    referral: Id = Field(description="The referral's id, shared by both sides.")
    requester: Id = Field(description="The agency that asks (FHIR Task.requester).")
    target: Id = Field(description="The agency that is asked (FHIR Task.owner).")
    need: Id = Field(description="What is needed, as a code (FHIR ServiceRequest.code; SDOH Clinical Care).")
    urgency: Literal["routine", "urgent", "asap", "stat"] | None = Field(
        default=None, description="How soon (FHIR ServiceRequest.priority)."
    )
    channel: Literal["warm_handoff", "direct", "informational"] | None = Field(
        default=None,
        description="Handed over in person, sent directly, or information given to the person only.",
    )
    part_of: Id | None = Field(default=None, description="The referral or call it came out of (FHIR Task.partOf).")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")
    person_group: Id | None = Field(default=None, description="A population group's code, for equity comparison.")


class ReferralReceived(Payload):
    """The target has seen the request (FHIR Task.status received)."""

    referral: Id = Field(description="The referral's id.")


class ReferralAccepted(Payload):
    """The target takes the referral on (FHIR Task.status accepted; BSeR 3.0). HMIS calls this successful."""

    referral: Id = Field(description="The referral's id.")


class ReferralDeclined(Payload):
    """The target does not take it on (FHIR Task.status rejected; BSeR 4.0)."""

    referral: Id = Field(description="The referral's id.")
    reason: Literal["no_capacity", "not_eligible", "out_of_area", "duplicate", "other"] = Field(
        description="Why (FHIR Task.statusReason)."
    )
    note: Text | None = Field(default=None, description="The reason in the target's words.")


class ReferralWithdrawn(Payload):
    """The requester or the person takes the request back (FHIR Task.status cancelled; BSeR 6.0)."""

    referral: Id = Field(description="The referral's id.")
    reason: Text | None = Field(default=None, description="Why.")


class ReferralOnHold(Payload):
    """The referral waits (FHIR Task.status on-hold)."""

    referral: Id = Field(description="The referral's id.")
    waitlist: bool | None = Field(default=None, description="Whether the person is on a waiting list meanwhile.")


class ReferralCompleted(Payload):
    """The target has done what it could (FHIR Task.status completed; BSeR 7.0)."""

    referral: Id = Field(description="The referral's id.")
    outcome: Literal["got_help", "partly", "not"] = Field(description="Whether the need was met.")
    service: Id | None = Field(default=None, description="The service that was given.")


class ReferralFailed(Payload):
    """The referral came to nothing (FHIR Task.status failed)."""

    referral: Id = Field(description="The referral's id.")
    reason: Literal["could_not_contact", "client_declined", "no_longer_interested", "other"] = Field(
        description="Why (FHIR Task.statusReason)."
    )
    note: Text | None = Field(default=None, description="The reason in the sender's words.")


class ReferralOutcomeConfirmed(Payload):
    """Someone else says whether the reported outcome is right."""

    referral: Id = Field(description="The referral's id.")
    by: Literal["client", "requester", "target"] = Field(description="Who was asked.")
    agrees: bool = Field(description="Whether they agree with the reported outcome.")


class ReferralDisputed(Payload):
    """An agency does not agree with what the other side told of the referral."""

    referral: Id = Field(description="The referral's id.")
    reason: Text = Field(description="What is in dispute.")


class AppointmentScheduled(Payload):
    """An appointment was made (FHIR Appointment.status booked; BSeR 5.1)."""

    referral: Id = Field(description="The referral's id.")
    appointment: Id | None = Field(default=None, description="The appointment's id, where there may be several.")
    starts: Moment | None = Field(default=None, description="When it is to take place (FHIR Appointment.start).")


class AppointmentMissed(Payload):
    """The person did not come (FHIR Appointment.status noshow)."""

    referral: Id = Field(description="The referral's id.")
    appointment: Id | None = Field(default=None, description="The appointment's id.")


class AppointmentCancelled(Payload):
    """The appointment was called off (FHIR Appointment.status cancelled)."""

    referral: Id = Field(description="The referral's id.")
    appointment: Id | None = Field(default=None, description="The appointment's id.")
    reason: Text | None = Field(default=None, description="Why (FHIR Appointment.cancelationReason).")


_SUBJECT = "referral/{referral}"
_R = {"referral": "r-1"}
_REQUESTED = {**_R, "requester": "metro-police", "target": "lakeside-health", "need": "housing"}
_DISPUTED = {**_R, "reason": "We never sent this person."}
_DECLINED = {**_R, "reason": "no_capacity"}
_COMPLETED = {**_R, "outcome": "got_help"}
_FAILED = {**_R, "reason": "could_not_contact"}
_CONFIRMED = {**_R, "by": "client", "agrees": False}
_NO_ID = (*missing(_R, "referral"), *wrong(_R, referral=""), *unknown(_R))
_BAD_REASON = (*wrong(_R, reason="\u0000"), *wrong(_R, reason=""))

FAMILY = Family(
    "referral",
    "Referrals",
    (
        EventType(
            name="referral.requested",
            model=ReferralRequested,
            subject=_SUBJECT,
            good=(
                _REQUESTED,
                {
                    **_REQUESTED,
                    "urgency": "urgent",
                    "channel": "warm_handoff",
                    "part_of": "c-1",
                    "person": "p:9f2c",
                },
            ),
            bad=(
                Bad({**_REQUESTED, "urgency": "yesterday"}, "data_invalid", "/data/urgency"),
                Bad({**_REQUESTED, "person": "Jane Doe"}, "data_invalid", "/data/person"),
                Bad({**_REQUESTED, "name": "Jane Doe"}, "field_unknown", "/data/name"),
                *missing(_REQUESTED, "referral", "requester", "target", "need"),
                *wrong(_REQUESTED, channel="fax"),
            ),
        ),
        EventType(name="referral.received", model=ReferralReceived, subject=_SUBJECT, good=(_R,), bad=_NO_ID),
        EventType(name="referral.accepted", model=ReferralAccepted, subject=_SUBJECT, good=(_R,), bad=_NO_ID),
        EventType(
            name="referral.declined",
            model=ReferralDeclined,
            subject=_SUBJECT,
            good=({**_R, "reason": "no_capacity"}, {**_R, "reason": "other", "note": "Under 18."}),
            bad=(
                Bad(_R, "field_missing", "/data/reason"),
                Bad({**_R, "reason": "full"}, "data_invalid", "/data/reason"),
                *missing(_DECLINED, "referral"),
                *wrong(_DECLINED, referral="r 1", note="\u0000"),
                *wrong(_DECLINED, note=""),
                *unknown(_DECLINED),
            ),
        ),
        EventType(
            name="referral.withdrawn",
            model=ReferralWithdrawn,
            subject=_SUBJECT,
            good=(_R, {**_R, "reason": "Moved away."}),
            bad=(*_NO_ID, *_BAD_REASON),
        ),
        EventType(
            name="referral.on_hold",
            model=ReferralOnHold,
            subject=_SUBJECT,
            good=(_R, {**_R, "waitlist": True}),
            bad=(
                Bad({**_R, "waitlist": "yes"}, "data_invalid", "/data/waitlist"),
                *_NO_ID,
            ),
        ),
        EventType(
            name="referral.completed",
            model=ReferralCompleted,
            subject=_SUBJECT,
            good=({**_R, "outcome": "got_help"}, {**_R, "outcome": "partly", "service": "rapid-rehousing"}),
            bad=(
                Bad({**_R, "outcome": "successful"}, "data_invalid", "/data/outcome"),
                *missing(_COMPLETED, "referral", "outcome"),
                *wrong(_COMPLETED, referral="r 1"),
                *unknown(_COMPLETED),
            ),
        ),
        EventType(
            name="referral.failed",
            model=ReferralFailed,
            subject=_SUBJECT,
            good=({**_R, "reason": "could_not_contact"},),
            bad=(
                Bad({**_R, "reason": None}, "data_invalid", "/data/reason"),
                *missing(_FAILED, "referral", "reason"),
                *wrong(_FAILED, referral="r 1", note="\u0000"),
                *wrong(_FAILED, note=""),
                *unknown(_FAILED),
            ),
        ),
        EventType(
            name="referral.outcome_confirmed",
            model=ReferralOutcomeConfirmed,
            subject=_SUBJECT,
            good=({**_R, "by": "client", "agrees": False},),
            bad=(
                Bad({**_R, "by": "client", "agrees": 1}, "data_invalid", "/data/agrees"),
                *missing(_CONFIRMED, "referral", "by", "agrees"),
                *wrong(_CONFIRMED, referral="r 1", by="police"),
                *unknown(_CONFIRMED),
            ),
        ),
        EventType(
            name="referral.disputed",
            model=ReferralDisputed,
            subject=_SUBJECT,
            good=(_DISPUTED,),
            bad=(
                *missing(_DISPUTED, "referral", "reason"),
                *wrong(_DISPUTED, referral="r 1", reason="\u0000"),
                *wrong(_DISPUTED, reason=""),
                *unknown(_DISPUTED),
            ),
        ),
        EventType(
            name="appointment.scheduled",
            model=AppointmentScheduled,
            subject=_SUBJECT,
            good=(_R, {**_R, "appointment": "a-1", "starts": "2025-03-09T09:30:00-07:00"}),
            bad=(
                Bad({**_R, "starts": "2025-03-09 09:30"}, "data_invalid", "/data/starts"),
                *_NO_ID,
            ),
        ),
        EventType(name="appointment.missed", model=AppointmentMissed, subject=_SUBJECT, good=(_R,), bad=_NO_ID),
        EventType(
            name="appointment.cancelled",
            model=AppointmentCancelled,
            subject=_SUBJECT,
            good=(_R, {**_R, "appointment": "a-1", "reason": "Clinic closed."}),
            bad=(*_NO_ID, *_BAD_REASON),
        ),
    ),
)
