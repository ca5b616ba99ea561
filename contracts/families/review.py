"""Reviews: the committee goes through its numbers, and what it saw is held fast by a digest.

Numbers move when someone reports late; the digest of the cells that were seen lets every later change show as
a restatement instead of quietly taking the place of what was decided on.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Date, Id, Moment, Payload, Sha256
from contracts.refusals import missing, unknown, wrong


class ReviewScheduled(Payload):
    """The committee is to hold a review by a day."""

    review: Id = Field(description="The review's id.")
    plan: Id = Field(description="The plan to be reviewed.")
    due: Date = Field(description="The last day on which it is held in time.")


class ReviewHeld(Payload):
    """The committee went through the numbers as they were known at a place in the ledger."""

    review: Id = Field(description="The review's id.")
    plan: Id = Field(description="The plan that was reviewed.")
    as_of: Annotated[int, Field(ge=1, le=10**12)] = Field(description="The log_index up to which was read.")
    moment: Moment | None = Field(
        default=None, description="The moment that was read as now; absent: the event's time."
    )
    cells_sha256: Sha256 = Field(description="SHA-256 over the cells that were seen, in hex.")
    cells: Annotated[int, Field(ge=0, le=10_000_000)] = Field(description="How many cells were seen.")


_SCHEDULED = {"review": "rv-2025-q1", "plan": "plan-2025", "due": "2025-04-15"}
_HELD = {"review": "rv-2025-q1", "plan": "plan-2025", "as_of": 48_210, "cells_sha256": "0f" * 32, "cells": 1_203}

FAMILY = Family(
    "review",
    "Reviews",
    (
        EventType(
            name="review.scheduled",
            model=ReviewScheduled,
            subject="review/{review}",
            kind="decision",
            aggregate="review",
            good=(_SCHEDULED,),
            bad=(
                *missing(_SCHEDULED, "review", "plan", "due"),
                *wrong(_SCHEDULED, review="rv 1", due="mid-April"),
                *unknown(_SCHEDULED),
            ),
        ),
        EventType(
            name="review.held",
            model=ReviewHeld,
            subject="review/{review}",
            kind="decision",
            aggregate="review",
            good=(_HELD, {**_HELD, "moment": "2025-04-01T00:00:00-07:00"}),
            bad=(
                *missing(_HELD, "review", "plan", "as_of", "cells_sha256", "cells"),
                *wrong(_HELD, review="rv 1", as_of=0, moment="2025-04-01", cells_sha256="0F", cells=-1),
                *wrong(_HELD, as_of=10**12 + 1, cells=10_000_001),
                *wrong(_HELD, as_of="48210"),
                *unknown(_HELD),
            ),
        ),
    ),
)
