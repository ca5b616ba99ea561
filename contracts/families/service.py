"""Services delivered: the smallest thing a provider reports.

Three fields are enough, so that a small nonprofit can send it from a spreadsheet.
"""

from __future__ import annotations

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Minutes, Payload, Quantity, Text
from contracts.refusals import missing, unknown, wrong


class ServiceDelivered(Payload):
    """Someone was helped; the event's time is when (HMIS Services: DateProvided)."""

    delivery: Id = Field(description="The delivery's id.")
    service: Id = Field(description="The service that was given (HMIS Services: TypeProvided).")
    units: Quantity = Field(description="How many units of it were given.")
    referral: Id | None = Field(default=None, description="The referral it answers.")
    minutes: Minutes | None = Field(default=None, description="How many minutes it took.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")
    person_group: Id | None = Field(default=None, description="A population group's code, for equity comparison.")
    for_agency: Id | None = Field(default=None, description="The agency it was done for, which is to confirm it.")


class ServiceConfirmed(Payload):
    """The agency it was done for agrees that it was delivered."""

    delivery: Id = Field(description="The delivery's id.")
    units: Quantity | None = Field(default=None, description="How many units it counts; absent: as many as were told.")


class ServiceDisputed(Payload):
    """The agency it was done for does not agree that it was delivered so."""

    delivery: Id = Field(description="The delivery's id.")
    reason: Text = Field(description="What is in dispute.")


_D = {"delivery": "d-1", "service": "peer-support", "units": 1}

_DISPUTED = {"delivery": "d-1", "reason": "The session was called off."}

FAMILY = Family(
    "service",
    "Services",
    (
        EventType(
            name="service.delivered",
            model=ServiceDelivered,
            subject="delivery/{delivery}",
            good=(_D, {**_D, "units": 1.5, "minutes": 50, "referral": "r-1", "person": "p:9f2c"}),
            bad=(
                Bad({**_D, "units": 0}, "data_invalid", "/data/units"),
                Bad({**_D, "units": True}, "data_invalid", "/data/units"),
                *missing(_D, "delivery", "service", "units"),
                *wrong(_D, delivery="d 1", units=2e12, minutes=-1),
                *wrong(_D, minutes=100_001),
                *unknown(_D),
            ),
        ),
        EventType(
            name="service.confirmed",
            model=ServiceConfirmed,
            subject="delivery/{delivery}",
            good=({"delivery": "d-1"}, {"delivery": "d-1", "units": 2}),
            bad=(
                *missing({"delivery": "d-1"}, "delivery"),
                *wrong({"delivery": "d-1"}, delivery="d 1", units=0),
                *wrong({"delivery": "d-1"}, units=2e12),
                *unknown({"delivery": "d-1"}),
            ),
        ),
        EventType(
            name="service.disputed",
            model=ServiceDisputed,
            subject="delivery/{delivery}",
            good=(_DISPUTED,),
            bad=(
                *missing(_DISPUTED, "delivery", "reason"),
                *wrong(_DISPUTED, delivery="d 1", reason="\u0000"),
                *wrong(_DISPUTED, reason=""),
                *unknown(_DISPUTED),
            ),
        ),
    ),
)
