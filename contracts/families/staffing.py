"""Staffing: how many people serve in a role of an agency in a month.

It is the denominator of every coverage of staff, which nobody outside the agency can know.
"""

from __future__ import annotations

from pydantic import Field

from contracts.by_agency import Headcount
from contracts.declaration import EventType, Family
from contracts.fields import Id, Month, Payload
from contracts.refusals import missing, unknown, wrong


class StaffingReported(Payload):
    """So many people served in the role at the end of the month; a later report of the same month replaces it."""

    agency: Id = Field(description="The agency they serve in.")
    role: Id = Field(description="The role, such as patrol, clinician or dispatcher; all is everybody.")
    period: Month = Field(description="The month, such as 2025-03.")
    headcount: Headcount = Field(description="People, not full-time equivalents (Justice Counts staff headcount).")


_REPORTED = {"agency": "metro-police", "role": "patrol", "period": "2025-03", "headcount": 84}

FAMILY = Family(
    "staffing",
    "Staffing",
    (
        EventType(
            name="staffing.reported",
            model=StaffingReported,
            subject="staffing/{agency}/{role}/{period}",
            good=(_REPORTED, {**_REPORTED, "role": "all", "headcount": 0}),
            bad=(
                *missing(_REPORTED, "agency", "role", "period", "headcount"),
                *wrong(_REPORTED, agency="metro police", period="2025-Q1", headcount=-1),
                *wrong(_REPORTED, headcount=1_000_001),
                *wrong(_REPORTED, headcount=83.5),
                *unknown(_REPORTED),
            ),
        ),
    ),
)
