"""Capacity: whether a service can take more people.

Without it a declined referral says nothing about whether help was to be had at all.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Payload
from contracts.refusals import missing, unknown, wrong


class CapacityReported(Payload):
    """The state of a service at the event's time (HSDS service_capacity)."""

    service: Id = Field(description="The service's id.")
    status: Literal["capacity", "no_capacity", "waitlist"] = Field(description="Whether it takes more people.")
    slots: Annotated[int, Field(ge=0, le=100_000)] | None = Field(default=None, description="How many more it takes.")


_REPORTED = {"service": "respite-beds", "status": "capacity", "slots": 3}

FAMILY = Family(
    "capacity",
    "Capacity",
    (
        EventType(
            name="capacity.reported",
            model=CapacityReported,
            subject="service/{service}",
            good=(_REPORTED,),
            bad=(
                Bad({"service": "respite-beds", "status": "full"}, "data_invalid", "/data/status"),
                *missing(_REPORTED, "service", "status"),
                *wrong(_REPORTED, service="respite beds", slots=-1),
                *wrong(_REPORTED, slots=100_001),
                *unknown(_REPORTED),
            ),
        ),
    ),
)
