"""Services delivered: the smallest thing a provider reports.

Three fields are enough, so that a small nonprofit can send it from a spreadsheet.
"""

from __future__ import annotations

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Minutes, Payload, Quantity


class ServiceDelivered(Payload):
    """Someone was helped; the event's time is when (HMIS Services: DateProvided)."""

    delivery: Id = Field(description="The delivery's id.")
    service: Id = Field(description="The service that was given (HMIS Services: TypeProvided).")
    units: Quantity = Field(description="How many units of it were given.")
    referral: Id | None = Field(default=None, description="The referral it answers.")
    minutes: Minutes | None = Field(default=None, description="How many minutes it took.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")


_D = {"delivery": "d-1", "service": "peer-support", "units": 1}

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
                Bad({"delivery": "d-1", "service": "peer-support"}, "field_missing", "/data/units"),
            ),
        ),
    ),
)
