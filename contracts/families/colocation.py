"""Co-location: staff of one agency working at a place of another.

It is the plainest form of working together, and one that a committee can count.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Id, Name, Payload
from contracts.refusals import missing, unknown, wrong


class ColocationStarted(Payload):
    """Staff of the agency that speaks work at the site from the event's time on."""

    colocation: Id = Field(description="The arrangement's id.")
    site: Name = Field(description="The place, as people call it (HSDS location.name).")
    host: Id | None = Field(default=None, description="The agency whose place it is.")
    fte: Annotated[float, Field(gt=0, le=10_000)] = Field(description="Full-time equivalents placed there.")


class ColocationEnded(Payload):
    """The arrangement has ended."""

    colocation: Id = Field(description="The arrangement's id.")


_C = {"colocation": "cl-1"}
_STARTED = {**_C, "site": "Metro dispatch centre", "fte": 1.5}

FAMILY = Family(
    "colocation",
    "Co-location",
    (
        EventType(
            name="colocation.started",
            model=ColocationStarted,
            subject="colocation/{colocation}",
            good=(_STARTED, {**_STARTED, "host": "metro-police"}),
            bad=(
                *missing(_STARTED, "colocation", "site", "fte"),
                *wrong(_STARTED, site="", host="metro police", fte=0),
                *wrong(_STARTED, site="Dispatch\ncentre", fte=10_001),
                *unknown(_STARTED),
            ),
        ),
        EventType(
            name="colocation.ended",
            model=ColocationEnded,
            subject="colocation/{colocation}",
            good=(_C,),
            bad=(*missing(_C, "colocation"), *wrong(_C, colocation="cl 1"), *unknown(_C)),
        ),
    ),
)
