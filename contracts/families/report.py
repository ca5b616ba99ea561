"""Expected reports: which agency is to report what, and how often.

Without it, silence could not be told from nothing having happened.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Date, Id, Payload


class ReportExpected(Payload):
    """The agency is to report on this feed from now on."""

    agency: Id = Field(description="The agency that is to report.")
    feed: Literal["call", "response", "encounter", "referral", "service", "commitment", "indicator"] = Field(
        description="The family of events it is to send."
    )
    cadence: Literal["daily", "weekly", "monthly", "quarterly", "yearly"] = Field(
        description="How often something is to come at the least."
    )
    grace_days: Annotated[int, Field(ge=0, le=366)] = Field(
        description="Days after the end of a period in which a report is still on time."
    )
    since: Date | None = Field(default=None, description="First day covered; absent means the event's day.")


_E = {"agency": "lakeside-health", "feed": "referral", "cadence": "monthly", "grace_days": 10}

FAMILY = Family(
    "report",
    "Expected reports",
    (
        EventType(
            name="report.expected",
            model=ReportExpected,
            subject="feed/{agency}/{feed}",
            good=(_E, {**_E, "since": "2025-01-01"}),
            bad=(
                Bad({**_E, "cadence": "often"}, "data_invalid", "/data/cadence"),
                Bad({**_E, "grace_days": "10"}, "data_invalid", "/data/grace_days"),
            ),
        ),
    ),
)
